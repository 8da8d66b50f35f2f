#include "kv/tiers/disk_tier.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "kv/tiers/page_codec.h"
#include "support/kv_pages.h"
#include "support/temporary_folder.h"

namespace pumice::disk_tier_test {

using test::loaded;
using test::make_text;
using test::wanted;

constexpr Tier::Deadline kNever = Tier::Deadline::max();

PageCodec codec() { return PageCodec::create({.secret = test::secret_of(1), .name_space = "n"}).value(); }

Result<std::unique_ptr<DiskTier>> open_tier(const test::TemporaryFolder& folder, uint64_t limit = 64 << 20,
                                            uint64_t epoch = 0, const std::string& name_space = "n") {
  return DiskTier::create(
      {.folder = folder.file("kv"), .limit_bytes = limit, .name_space = name_space, .epoch = epoch});
}

void write_all(DiskTier& tier, const std::vector<StoredPage>& text) {
  for (const StoredPage& page : text) ASSERT_TRUE(tier.write(page.key, codec().seal(loaded(page)).value()));
}

enum class Outcome { kRight, kMiss, kRefused, kWrong };

Outcome try_read(Tier& tier, const StoredPage& page) {
  std::vector<std::byte> value;
  const Result<bool> found = tier.read(page.key, value, kNever);
  if (!found || !*found) return Outcome::kMiss;
  const Result<SharedBytes> payload = codec().open(std::move(value), wanted(page));
  if (!payload) return Outcome::kRefused;
  return test::same_bytes(*payload, page.payload) ? Outcome::kRight : Outcome::kWrong;
}

size_t count_right(Tier& tier, const std::vector<StoredPage>& text) {
  size_t right = 0;
  for (const StoredPage& page : text) right += try_read(tier, page) == Outcome::kRight ? 1 : 0;
  return right;
}

std::string segment(const test::TemporaryFolder& folder, uint64_t number = 1) {
  return segment_path(folder.file("kv"), number);
}

TEST(DiskTier, KeepsValuesOverRestarts) {
  const test::TemporaryFolder folder;
  const auto text = make_text(20, 3000, 1);
  {
    auto tier = open_tier(folder).value();
    write_all(*tier, text);
    EXPECT_EQ(count_right(*tier, text), 20u);
  }
  for (uint64_t restart = 0; restart < 3; ++restart) {
    auto tier = open_tier(folder).value();
    EXPECT_EQ(tier->stats().values, 20u + restart);
    EXPECT_EQ(count_right(*tier, text), 20u);
    write_all(*tier, make_text(1, 3000, 100 + restart));
  }
  EXPECT_EQ(list_segments(folder.file("kv")).value().size(), 1u) << "restarts must not pile up open files";
  std::vector<std::byte> value;
  EXPECT_FALSE(open_tier(folder).value()->read(make_text(1, 10, 99)[0].key, value, kNever).value());
}

TEST(DiskTier, OtherNamespacesAndEpochsAreNotSeen) {
  const test::TemporaryFolder folder;
  const auto text = make_text(3, 100, 1);
  write_all(*open_tier(folder, 1 << 20, 7).value(), text);
  EXPECT_EQ(open_tier(folder, 1 << 20, 8).value()->stats().values, 0u);
  EXPECT_EQ(open_tier(folder, 1 << 20, 7, "m").value()->stats().values, 0u);
  EXPECT_EQ(open_tier(folder, 1 << 20, 7).value()->stats().values, 3u);
}

TEST(DiskTier, ASecondProcessWorksWithoutIt) {
  const test::TemporaryFolder folder;
  auto first = open_tier(folder).value();
  const auto second = open_tier(folder);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().status, Status::kUnsupported);
  first.reset();
  EXPECT_TRUE(open_tier(folder));
}

TEST(DiskTier, ForeignFilesAreLeftAlone) {
  const test::TemporaryFolder folder;
  std::filesystem::create_directories(folder.file("kv/00000007.pumicekv"));  // a folder of a segment's name
  for (const char* name : {"kv/notes.txt", "kv/x.pumicekv", "kv/1.pumicekv", "kv/.pumicekv"})
    test::write_file(folder.file(name), {'h', 'i'});
  const std::vector<char> noise(5000, 'P');
  test::write_file(segment(folder, 3), noise);
  const auto text = make_text(3, 100, 1);
  write_all(*open_tier(folder).value(), text);
  auto tier = open_tier(folder).value();
  EXPECT_EQ(count_right(*tier, text), 3u);
  ASSERT_TRUE(tier->clear());
  EXPECT_EQ(test::read_file_bytes(folder.file("kv/notes.txt")).size(), 2u);
}

void flip_bit(const std::string& path, size_t at, size_t bit) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(at));
  const int byte = file.get() ^ (1 << bit);
  file.seekp(static_cast<std::streamoff>(at));
  file.put(static_cast<char>(byte));
}

// Whatever single byte is damaged: no wrong page, and all records that it does not touch are found.
TEST(DiskTier, AFlippedBitAnywhereCostsOneRecordAtMost) {
  const test::TemporaryFolder folder;
  const auto text = make_text(3, 150, 1);
  write_all(*open_tier(folder).value(), text);
  const size_t bytes = std::filesystem::file_size(segment(folder));
  size_t losses = 0;
  const size_t stride = std::getenv("PUMICE_TEST_EVERY_BYTE") ? 1 : 9;
  for (size_t at = 0; at < bytes; at += stride) {
    flip_bit(segment(folder), at, at % 8);
    auto tier = open_tier(folder).value();
    size_t right = 0;
    for (const StoredPage& page : text) {
      const Outcome outcome = try_read(*tier, page);
      ASSERT_NE(outcome, Outcome::kWrong) << "byte " << at;
      right += outcome == Outcome::kRight ? 1 : 0;
    }
    ASSERT_GE(right, 2u) << "byte " << at;
    losses += 3 - right;
    flip_bit(segment(folder), at, at % 8);
  }
  EXPECT_GT(losses, 3 * (sizeof(RecordHeader) + 150) / stride) << "damage went unnoticed";
}

TEST(DiskTier, ATornTailCostsTheLastRecordAlone) {
  const test::TemporaryFolder folder;
  const auto text = make_text(3, 150, 1), more = make_text(2, 150, 2);
  write_all(*open_tier(folder).value(), text);
  const std::vector<char> good = test::read_file_bytes(segment(folder));
  const size_t last = 2 * record_bytes(codec().seal(loaded(text[0])).value().size());
  for (size_t size = last; size < good.size(); size += 41) {
    std::filesystem::remove(segment(folder, 2));
    test::write_file(segment(folder), {good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)});
    write_all(*open_tier(folder).value(), more);  // what comes later must not be taken for the torn record's
    auto tier = open_tier(folder).value();
    EXPECT_EQ(count_right(*tier, text), 2u) << size;
    EXPECT_EQ(count_right(*tier, more), 2u) << size;
  }
}

TEST(DiskTier, SwappedValuesAreFound) {
  const test::TemporaryFolder folder;
  const auto text = make_text(2, 150, 1);
  {
    auto tier = open_tier(folder).value();
    ASSERT_TRUE(tier->write(text[0].key, codec().seal(loaded(text[1])).value()));
    ASSERT_TRUE(tier->write(text[1].key, codec().seal(loaded(text[0])).value()));
  }
  auto tier = open_tier(folder).value();
  EXPECT_EQ(try_read(*tier, text[0]), Outcome::kRefused);
  EXPECT_EQ(try_read(*tier, text[1]), Outcome::kRefused);
  tier->erase(text[0].key);
  EXPECT_EQ(try_read(*tier, text[0]), Outcome::kMiss);
  tier.reset();
  EXPECT_EQ(open_tier(folder).value()->stats().values, 1u) << "what is erased stays so";
}

TEST(DiskTier, KeepsToItsLimitAndKeepsWhatIsRead) {
  const test::TemporaryFolder folder;
  constexpr uint64_t kLimit = 1 << 20;
  auto tier = open_tier(folder, kLimit).value();
  const auto hot = make_text(4, 9000, 1);
  write_all(*tier, hot);
  for (uint64_t i = 0; i < 300; ++i) {
    write_all(*tier, make_text(1, 9000, 10 + i));
    ASSERT_LE(tier->stats().bytes, kLimit);
    if (i % 20 == 0) {
      ASSERT_EQ(count_right(*tier, hot), 4u) << i;
    }
  }
  EXPECT_GT(tier->stats().evictions, 100u);
  uint64_t on_disk = 0;
  const std::vector<SegmentName> segments = list_segments(folder.file("kv")).value();
  for (const SegmentName& name : segments) on_disk += std::filesystem::file_size(name.path);
  EXPECT_LE(on_disk, kLimit);
  EXPECT_GT(on_disk, kLimit / 2);
  EXPECT_EQ(tier->write(hot[0].key, std::vector<std::byte>(kLimit / 2)).error().status, Status::kIo);
  tier.reset();
  EXPECT_LE(open_tier(folder, kLimit / 4).value()->stats().bytes, kLimit / 4) << "a smaller limit holds at once";
}

// The limit on the size of files stands for a full disk: writes fail midway.
TEST(DiskTier, AFullDiskLosesNothing) {
  const test::TemporaryFolder folder;
  auto tier = open_tier(folder).value();
  const auto text = make_text(5, 20'000, 1), more = make_text(3, 20'000, 2);
  write_all(*tier, text);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  for (const rlim_t extra : {0u, 100u, 10'000u, 20'200u}) {
    rlimit small = before;
    small.rlim_cur = std::filesystem::file_size(segment(folder)) + extra;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const Result<void> written = tier->write(more[0].key, codec().seal(loaded(more[0])).value());
    ::setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_FALSE(written) << extra;
    EXPECT_EQ(written.error().status, Status::kIo);
    EXPECT_EQ(try_read(*tier, more[0]), Outcome::kMiss);
    EXPECT_EQ(count_right(*tier, text), 5u);
    write_all(*tier, make_text(1, 100, 3 + extra));  // so that the tier isn't rested
  }
  EXPECT_EQ(tier->stats().failures, 4u);
  write_all(*tier, more);  // there is room again
  tier.reset();
  tier = open_tier(folder).value();
  EXPECT_EQ(count_right(*tier, text) + count_right(*tier, more), 8u);
}

TEST(DiskTier, WhatFailsIsToldOnceAndRested) {
  const test::TemporaryFolder folder;
  std::vector<std::string> told;
  auto tier = DiskTier::create({.folder = folder.file("kv"),
                                .limit_bytes = 64 << 20,
                                .name_space = "n",
                                .log = Log([&](LogLevel, std::string_view text) { told.emplace_back(text); })})
                  .value();
  const auto text = make_text(2, 20'000, 1);
  const std::vector<std::byte> value = codec().seal(loaded(text[0])).value();
  EXPECT_EQ(tier->last_failure(), "");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 100;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  for (uint32_t i = 0; i < CircuitBreaker::kFailures + 5; ++i) EXPECT_FALSE(tier->write(text[0].key, value));
  ::setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_GE(tier->stats().failures, CircuitBreaker::kFailures);
  EXPECT_LT(tier->stats().failures, CircuitBreaker::kFailures + 5) << "rested: not every write is tried";
  EXPECT_NE(tier->last_failure().find("cannot be written"), std::string::npos) << tier->last_failure();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_NE(told[0].find("disk"), std::string::npos);
  // Once there is room, a later try succeeds and the tier works as before.
  while (!tier->write(text[0].key, value)) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(count_right(*tier, text), 1u);
}

// Files that no program of ours wrote: huge, with links and pipes beside them, or more than may be open at once.
TEST(DiskTier, HostileFoldersAreOpenedAllTheSame) {
  const test::TemporaryFolder folder;
  std::filesystem::create_directories(folder.file("kv"));
  test::write_file(segment(folder, 1), std::vector<char>(3000, 'x'));
  std::filesystem::resize_file(segment(folder, 1), uint64_t{1} << 40);  // all of it a hole
  ASSERT_EQ(::mkfifo(segment(folder, 2).c_str(), 0600), 0);
  test::write_file(folder.file("victim"), {'v'});
  std::filesystem::create_symlink(folder.file("victim"), segment(folder, 3));
  for (uint64_t number = 10; number < 700; ++number) test::write_file(segment(folder, number), {'x'});
  test::write_file(folder.file("kv/18446744073709551615.pumicekv"), {'x'});
  const auto text = make_text(3, 100, 1);
  {
    auto tier = open_tier(folder).value();
    write_all(*tier, text);
    EXPECT_EQ(count_right(*tier, text), 3u);
  }
  EXPECT_LT(list_segments(folder.file("kv")).value().size(), 600u);
  EXPECT_EQ(count_right(*open_tier(folder).value(), text), 3u);
  EXPECT_EQ(test::read_file_bytes(folder.file("victim")).size(), 1u);
}

TEST(DiskTier, AFolderThatCannotBeMadeIsAnError) {
  const test::TemporaryFolder folder;
  test::write_file(folder.file("kv"), {'x'});
  const auto tier = open_tier(folder);
  ASSERT_FALSE(tier);
  EXPECT_EQ(tier.error().status, Status::kIo);
}

}  // namespace pumice::disk_tier_test
