// Memory that runs out on the workers: a page is lost, and nothing else. No count or fetch is left open. And a disk
// that does not answer: nobody but its own thread waits for it.
#include <gtest/gtest.h>

#include <atomic>
#include <new>

#include "kv/tiers/page_reader.h"
#include "kv/tiers/page_writer.h"
#include "support/kv_pages.h"

namespace pumice::tier_faults_test {

using test::loaded;
using test::make_text;
using test::wanted;

// Says that it has everything, or nothing, and runs out of memory in every call that does something.
class BrokenTier final : public Tier {
 public:
  BrokenTier(TierKind kind, bool has_all) : kind_(kind), has_all_(has_all) {}
  TierKind kind() const override { return kind_; }
  bool may_contain(const PageKey&) const override { return has_all_; }
  Result<bool> read(const PageKey&, std::vector<std::byte>&, Deadline) override { throw std::bad_alloc(); }
  Result<void> write(const PageKey&, std::span<const std::byte>) override { throw std::bad_alloc(); }
  void erase(const PageKey&) override { throw std::bad_alloc(); }
  Result<void> clear() override { throw std::bad_alloc(); }
  TierStats stats() const override { return {}; }
  std::string last_failure() const override { return {}; }

 private:
  const TierKind kind_;
  const bool has_all_;
};

// Every read and write of it waits until it is let go.
class HungTier final : public Tier {
 public:
  ~HungTier() override { let_go(); }
  void let_go() {
    held_ = false;
    held_.notify_all();
  }
  TierKind kind() const override { return TierKind::kDisk; }
  bool may_contain(const PageKey&) const override { return reads; }
  Result<bool> read(const PageKey&, std::vector<std::byte>&, Deadline) override {
    held_.wait(true);
    return false;
  }
  Result<void> write(const PageKey&, std::span<const std::byte>) override {
    held_.wait(true);
    return {};
  }
  void erase(const PageKey&) override {}
  Result<void> clear() override {
    cleared = true;
    return {};
  }
  TierStats stats() const override { return {}; }
  std::string last_failure() const override { return {}; }

  std::atomic<bool> reads{false}, cleared{false};

 private:
  std::atomic<bool> held_{true};
};

Tier::Deadline soon() { return std::chrono::steady_clock::now() + std::chrono::milliseconds(20); }

PageCodec codec() { return PageCodec::create({.secret = test::secret_of(1), .name_space = "n"}).value(); }

TEST(TierFaults, AWriterGivesItsRoomBack) {
  BrokenTier disk(TierKind::kDisk, false), redis(TierKind::kRedis, true);
  const PageCodec sealer = codec();
  std::atomic<int> not_written{0};
  const auto writer =
      PageWriter::create(&disk, &redis, sealer, 1 << 20, [&](const PageKey&) { ++not_written; }).value();
  const auto text = make_text(20, 10'000, 1);
  for (const StoredPage& page : text) writer->write(std::make_shared<const LoadedPage>(loaded(page)), TierKind::kRam);
  EXPECT_TRUE(writer->flush(1e6));
  EXPECT_EQ(writer->queued_bytes(), 0u);
  EXPECT_EQ(not_written, 40);
  EXPECT_TRUE(writer->clear(1e6));
  EXPECT_TRUE(writer->flush(1e6));
}

TEST(TierFaults, AWriterGivesItsRoomBackWhenItsCallerFails) {
  BrokenTier disk(TierKind::kDisk, false);
  const PageCodec sealer = codec();
  const auto writer = PageWriter::create(&disk, nullptr, sealer, 1 << 20, [](const PageKey&) {
                        throw std::bad_alloc();  // as the store's own lists may
                      }).value();
  const auto text = make_text(3, 10'000, 1);
  for (const StoredPage& page : text) writer->write(std::make_shared<const LoadedPage>(loaded(page)), TierKind::kRam);
  EXPECT_TRUE(writer->flush(1e6));
  EXPECT_EQ(writer->queued_bytes(), 0u);
}

TEST(TierFaults, AFetchEnds) {
  const PageCodec opener = codec();
  const auto text = make_text(20, 10'000, 1);
  for (const TierKind kind : {TierKind::kDisk, TierKind::kRedis}) {
    BrokenTier tier(kind, true);
    RamTier ram(1 << 20);
    ram.write(std::make_shared<const LoadedPage>(loaded(text[0])));
    const auto reader = PageReader::create({.ram = &ram,
                                            .disk = kind == TierKind::kDisk ? &tier : nullptr,
                                            .redis = kind == TierKind::kRedis ? &tier : nullptr},
                                           opener, [](const SharedPage&, TierKind) {})
                            .value();
    const auto fetch = reader->fetch(wanted(text), Tier::Deadline::max());
    while (!fetch->finished()) fetch->wait(1e300);
    EXPECT_TRUE(fetch->take()) << "the page in RAM";
    EXPECT_FALSE(fetch->take());
  }
}

TEST(TierFaults, AFetchEndsWhenItsCallerFails) {
  const PageCodec opener = codec();
  const auto text = make_text(3, 10'000, 1);
  RamTier ram(1 << 20);
  for (const StoredPage& page : text) ram.write(std::make_shared<const LoadedPage>(loaded(page)));
  const auto reader =
      PageReader::create({.ram = &ram}, opener, [](const SharedPage&, TierKind) { throw std::bad_alloc(); }).value();
  const auto fetch = reader->fetch(wanted(text), Tier::Deadline::max());
  while (!fetch->finished()) fetch->wait(1);
  EXPECT_FALSE(fetch->take());
}

TEST(TierFaults, AWriterDoesNotWaitForAHungDisk) {
  HungTier disk;
  const PageCodec sealer = codec();
  const auto writer = PageWriter::create(&disk, nullptr, sealer, 1 << 20, [](const PageKey&) {}).value();
  const auto text = make_text(2, 10'000, 1);
  for (const StoredPage& page : text) writer->write(std::make_shared<const LoadedPage>(loaded(page)), TierKind::kRam);
  EXPECT_FALSE(writer->flush(0.02));
  EXPECT_FALSE(writer->clear(0.02));
  EXPECT_FALSE(disk.cleared);
  disk.let_go();
  EXPECT_TRUE(writer->flush(1e6));
  EXPECT_TRUE(writer->clear(1e6));
  EXPECT_TRUE(disk.cleared);
  EXPECT_TRUE(writer->stop(Tier::Deadline::max()));
}

TEST(TierFaults, WorkersAreStoppedWhileTheirDiskHangs) {
  HungTier disk;
  disk.reads = true;
  const PageCodec opener = codec();
  RamTier ram(0);
  const auto reader =
      PageReader::create({.ram = &ram, .disk = &disk}, opener, [](const SharedPage&, TierKind) {}).value();
  const auto fetch = reader->fetch(wanted(make_text(3, 100, 1)), Tier::Deadline::max());
  EXPECT_FALSE(fetch->wait(0.02));
  EXPECT_FALSE(reader->stop(soon()));
  disk.let_go();
  EXPECT_TRUE(reader->stop(Tier::Deadline::max()));
}

}  // namespace pumice::tier_faults_test
