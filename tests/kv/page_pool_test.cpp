// PagePool: who owns which page, and the sizes of its buffers.
#include "kv/pages/page_pool.h"

#include <set>

#include "shared/step_params.h"
#include "support/device_fixture.h"

namespace pumice::page_pool_test {

using PagePoolTest = test::DeviceTest;

TEST_F(PagePoolTest, HandsOutEveryPageOnce) {
  auto pool = PagePool::create(device(), {.region_words = {8, 6, 8, 6}}, 5);
  ASSERT_TRUE(pool.ok()) << pool.error().message;
  std::set<PageId> pages;
  for (int i = 0; i < 5; ++i) pages.insert(pool->allocate().value());
  EXPECT_EQ(pages, (std::set<PageId>{0, 1, 2, 3, 4}));
  EXPECT_EQ(pool->used(), 5u);
  EXPECT_FALSE(pool->allocate().has_value());
  pool->release(3);
  EXPECT_EQ(pool->used(), 4u);
  EXPECT_EQ(pool->allocate(), PageId{3});
}

TEST_F(PagePoolTest, LayersHaveBuffersOfTheirOwn) {
  auto pool = PagePool::create(device(), {.region_words = {8, 6, 8, 6, 8, 6}}, 5);
  ASSERT_TRUE(pool.ok());
  std::set<VkBuffer> buffers;
  for (uint32_t region = 0; region < 6; ++region) {
    buffers.insert(pool->whole(region).buffer);
    EXPECT_EQ(pool->whole(region).size, 5u * kPageTokens * (region % 2 ? 6 : 8) * 4);
  }
  EXPECT_EQ(buffers.size(), 6u);
  EXPECT_EQ(pool->bytes(), 3 * (pool->whole(0).size + pool->whole(1).size));
  EXPECT_EQ(page_bytes({.region_words = {8, 6, 8, 6, 8, 6}}) * 5, pool->bytes());
  EXPECT_EQ(pool->pages(), 5u);
}

TEST_F(PagePoolTest, StatesAreNotOfTokens) {
  const PageShape shape{.region_words = {100, 7}, .tokens = 1};
  auto pool = PagePool::create(device(), shape, 3);
  ASSERT_TRUE(pool.ok());
  EXPECT_EQ(pool->whole(0).size, 3u * 100 * 4);
  EXPECT_EQ(page_bytes(shape), 107u * 4);
}

TEST_F(PagePoolTest, RefusesWhatCannotBeBound) {
  use(test::Mask::kSmallBindings);
  const PageShape shape{.region_words = {8, 6}};
  const auto most = static_cast<uint32_t>(test::kSmallBinding / (4 * 8 * kPageTokens));
  EXPECT_TRUE(PagePool::create(device(), shape, most).ok());
  const auto refused = PagePool::create(device(), shape, most + 1);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().status, Status::kUnsupported);
  EXPECT_NE(refused.error().message.find(std::to_string(most * kPageTokens)), std::string::npos)
      << refused.error().message;
}

TEST_F(PagePoolTest, DoubleReleaseIsABug) {
  auto pool = PagePool::create(device(), {.region_words = {8, 6}}, 2);
  ASSERT_TRUE(pool.ok());
  const PageId page = pool->allocate().value();
  pool->release(page);
  EXPECT_THROW(pool->release(page), BrokenInvariant);
  EXPECT_THROW(pool->release(2), BrokenInvariant);
}

}  // namespace pumice::page_pool_test
