// PageTransfer on a device: what is queued happens in the order of the calls, however late the device is.
#include <map>
#include <random>

#include "kv/pages/transfer.h"
#include "support/busy_device.h"
#include "support/device_fixture.h"

namespace pumice::page_transfer_test {

constexpr uint32_t kPages = 6;

class PageTransferTest : public test::DeviceTest {
 protected:
  void SetUp() override {
    DeviceTest::SetUp();
    if (IsSkipped()) return;
    auto pool = PagePool::create(device(), {.region_words = {8, 6, 8, 6}}, kPages);
    ASSERT_TRUE(pool.ok()) << pool.error().message;
    pool_ = std::move(pool).value();
    transfer_ = PageTransfer(device(), pool_);
    busy_.emplace(device());
    for (vk::CommandStream& step : steps_) {
      auto stream = vk::CommandStream::create(device());
      ASSERT_TRUE(stream.ok());
      step = std::move(stream).value();
    }
  }
  void TearDown() override {
    if (!IsSkipped()) {
      EXPECT_TRUE(device().wait(device().submissions()).ok());
    }
    busy_.reset();
    DeviceTest::TearDown();
  }
  std::vector<std::byte> bytes_of(uint8_t value) const {
    return std::vector<std::byte>(transfer_.page_bytes(), std::byte{value});
  }
  // What a step would do to the page.
  void step(PageId page, uint8_t value) {
    vk::CommandStream& stream = steps_[next_step_++ % std::size(steps_)];
    ASSERT_TRUE(device().wait(device().submissions()).ok());
    busy_->start();
    stream.begin();
    for (uint32_t region = 0; region < pool_.regions(); ++region)
      stream.fill(pool_.region(region, page), 0x01010101u * value);
    ASSERT_TRUE(stream.end().ok());
    ASSERT_TRUE(stream.submit().ok());
  }
  static std::vector<std::byte> bytes_from(PageRead& read) {
    const Result<bool> ready = read.ready(60);
    EXPECT_TRUE(ready.ok() && *ready);
    return {read.bytes().begin(), read.bytes().end()};
  }

  PagePool pool_;
  PageTransfer transfer_;
  std::optional<test::BusyDevice> busy_;
  vk::CommandStream steps_[4];
  size_t next_step_ = 0;
};

TEST_F(PageTransferTest, EveryAccessIsInTheOrderOfTheCalls) {
  std::mt19937_64 random(7);
  std::map<PageId, std::vector<std::byte>> pages;
  for (PageId page = 0; page < kPages; ++page) {
    pages[page] = bytes_of(0);
    ASSERT_TRUE(transfer_.scrub({&page, 1}).ok());
  }
  struct Expected {
    std::unique_ptr<PageRead> read;
    std::vector<std::byte> bytes;
  };
  std::vector<Expected> reads;
  for (int i = 0; i < 300; ++i) {
    const auto page = static_cast<PageId>(random() % kPages), other = static_cast<PageId>((page + 1) % kPages);
    const auto value = static_cast<uint8_t>(random());
    switch (random() % 8) {
      case 0: {
        std::vector<PageId> some{page};
        for (PageId more = 0; more < kPages; ++more)
          if (more != page && random() % 2) some.push_back(more);
        ASSERT_TRUE(transfer_.scrub(some).ok());
        for (const PageId scrubbed : some) pages[scrubbed] = bytes_of(0);
        break;
      }
      case 1:
        ASSERT_TRUE(transfer_.copy(page, other).ok());
        pages[other] = pages[page];
        break;
      case 2:
        if (i % 16 == 0) step(page, value), pages[page] = bytes_of(value);
        break;
      case 3:
      case 4: {
        const Result<bool> written = transfer_.write(page, bytes_of(value), random() % 2 ? 60 : 0);
        ASSERT_TRUE(written.ok());
        if (*written) pages[page] = bytes_of(value);
        break;
      }
      case 5:
      case 6: {
        Result<std::unique_ptr<PageRead>> read = transfer_.read(page);
        ASSERT_TRUE(read.ok());
        reads.push_back({std::move(read).value(), pages[page]});
        break;
      }
      default:  // in any order, and not all of them
        if (reads.empty()) break;
        std::swap(reads[random() % reads.size()], reads.back());
        if (random() % 4) {
          ASSERT_EQ(bytes_from(*reads.back().read), reads.back().bytes) << i;
        }
        reads.pop_back();
        break;
    }
  }
  for (const Expected& expected : reads) ASSERT_EQ(bytes_from(*expected.read), expected.bytes);
}

TEST_F(PageTransferTest, AWriteWithoutRoomChangesNothing) {
  step(0, 1);
  uint32_t written = 0;
  for (uint8_t value = 2; value < 255; ++value) {
    const Result<bool> done = transfer_.write(0, bytes_of(value), 0);
    ASSERT_TRUE(done.ok());
    if (!*done) break;
    written = value;
  }
  const Result<std::unique_ptr<PageRead>> read = transfer_.read(0);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(bytes_from(**read), bytes_of(static_cast<uint8_t>(written)));
  const Result<bool> settled = transfer_.settled(0);
  EXPECT_TRUE(settled.ok() && *settled) << "its bytes have been read";
}

TEST_F(PageTransferTest, APageOfAnotherSizeIsRefused) {
  const Result<bool> refused = transfer_.write(0, std::vector<std::byte>(5), 0);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().status, Status::kMalformed);
}

}  // namespace pumice::page_transfer_test
