// CrossStore over memory that is late and fails: a source is found whole or not at all.
#include "engine/cross_store.h"

#include <gtest/gtest.h>

#include <numeric>

#include "kv/queued_memory.h"

namespace pumice::test::cross_store_test {

constexpr uint32_t kPages = 8;

// Fails when it is told to.
class FaultyMemory : public LaterPages {
 public:
  explicit FaultyMemory(QueuedMemory& all) : LaterPages(all, 0) {}
  Result<std::unique_ptr<PageRead>> read(PageId page) override {
    if (no_reads) return fault();
    return LaterPages::read(page);
  }
  Result<bool> write(PageId page, std::span<const std::byte> bytes, double seconds) override {
    if (no_writes) return fault();
    return LaterPages::write(page, bytes, seconds);
  }
  bool no_reads = false, no_writes = false;

 private:
  static Error fault() { return error(Status::kOutOfDeviceMemory, "a copy of the test fails"); }
};

class CrossStoreTest : public ::testing::Test {
 protected:
  void SetUp() override { make(0); }
  void make(uint64_t ram_bytes) {
    KvCacheOptions options{.reuse = true, .seconds_per_token = 1, .measures = false};
    options.store.ram_bytes = ram_bytes;
    auto made = CrossStore::create(pool_, memory_, options);
    ASSERT_TRUE(made.ok());
    store_ = std::move(made).value();
  }
  static std::vector<int32_t> content(uint32_t tokens, int32_t first = 0) {
    std::vector<int32_t> ids(tokens);
    std::iota(ids.begin(), ids.end(), first);
    return ids;
  }
  CrossSource open(const std::vector<int32_t>& ids, std::string_view group = {}) {
    return store_->open(group, ids, static_cast<uint32_t>(ids.size()));
  }
  // As an encoder does.
  bool encode(const std::vector<int32_t>& ids, std::string_view group = {}) {
    CrossSource source = open(ids, group);
    const Result<bool> made = store_->make(source);
    if (!made || !*made) return false;
    store_->keep(source, 1);
    return true;
  }
  bool found(const std::vector<int32_t>& ids, std::string_view group = {}) {
    CrossSource source = open(ids, group);
    return store_->find(source);
  }
  void spill() {
    for (int i = 0; i < 100; ++i) {
      store_->maintain();
      queue_.finish_all();
    }
  }
  const KvCacheStats& stats() { return store_->cache().stats(); }

  PageAllocator pool_{kPages};
  QueuedMemory queue_{kPages, 1};
  FaultyMemory memory_{queue_};
  std::unique_ptr<CrossStore> store_;
};

TEST_F(CrossStoreTest, ASourceIsItsWholeContent) {
  const std::vector<int32_t> source = content(40);
  EXPECT_FALSE(found(source));
  ASSERT_TRUE(encode(source));
  EXPECT_TRUE(found(source));
  std::vector<int32_t> other = source;
  other.back() += 1;  // the first page has the same tokens
  EXPECT_FALSE(found(other));
  EXPECT_FALSE(found(content(39)));
  EXPECT_FALSE(found(content(32)));
  EXPECT_FALSE(found(source, "others"));
  EXPECT_EQ(stats().hit_pages[0], 2u);
  EXPECT_EQ(stats().looked_up_pages, 6u * 2 - 1);
  EXPECT_EQ(store_->cache().held(), 0u);
}

// Policies give up pages one by one; what is left of a source counts as nothing.
TEST_F(CrossStoreTest, APartOfASourceIsNone) {
  ASSERT_TRUE(encode(content(3 * kPageTokens)));
  store_->cache().set_limit(2);
  store_->cache().set_limit(kPages);
  ASSERT_EQ(store_->cache().index().size(), 2u);
  EXPECT_FALSE(found(content(3 * kPageTokens)));
  EXPECT_EQ(stats().hit_pages[0], 0u);
  ASSERT_TRUE(encode(content(3 * kPageTokens)));
  EXPECT_TRUE(found(content(3 * kPageTokens)));
  EXPECT_EQ(pool_.used(), 3u) << "pages that were left are not held twice";
}

TEST_F(CrossStoreTest, ThereIsRoomForWhatFits) {
  for (int32_t i = 0; i < 20; ++i) ASSERT_TRUE(encode(content(70, 100 * i))) << i;
  EXPECT_LE(pool_.used(), kPages);
  CrossSource one = open(content(5 * kPageTokens)), other = open(content(4 * kPageTokens));
  EXPECT_TRUE(*store_->make(one));
  EXPECT_FALSE(*store_->make(other)) << "beside the one in use";
  EXPECT_EQ(one.pages().size(), 5u);
  EXPECT_TRUE(other.pages().empty());
}

TEST_F(CrossStoreTest, TiersHaveWhatTheDeviceGaveUp) {
  make(1 << 20);
  const std::vector<int32_t> source = content(60);
  ASSERT_TRUE(encode(source));
  spill();
  ASSERT_TRUE(store_->cache().clear(false).ok());
  EXPECT_TRUE(found(source));
  EXPECT_EQ(stats().hit_pages[static_cast<size_t>(KvSource::kRam)], 2u);
}

TEST_F(CrossStoreTest, ACopyThatFailsIsAMiss) {
  make(1 << 20);
  const std::vector<int32_t> source = content(60), other = content(60, 7);
  ASSERT_TRUE(encode(source));
  spill();
  memory_.no_reads = true;  // it does not come into the tiers
  ASSERT_TRUE(encode(other));
  spill();
  ASSERT_TRUE(store_->cache().clear(false).ok());
  memory_.no_reads = false;
  EXPECT_FALSE(found(other));
  memory_.no_writes = true;
  EXPECT_FALSE(found(source));
  EXPECT_EQ(pool_.used(), 0u) << "nothing is left of it";
  memory_.no_writes = false;
  EXPECT_TRUE(found(source));
  EXPECT_TRUE(encode(other));
  EXPECT_TRUE(found(other));
}

}  // namespace pumice::test::cross_store_test
