// PagePool: who owns which page, and the sizes of its buffers.
#include "kv/pages/page_pool.h"

#include <set>

#include "shared/step_params.h"
#include "support/device_fixture.h"

namespace pumice {
namespace {

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
  for (uint32_t layer = 0; layer < 3; ++layer) {
    buffers.insert(pool->k(layer).buffer), buffers.insert(pool->v(layer).buffer);
    EXPECT_EQ(pool->k(layer).size, 5u * kPageTokens * 8 * 4);
    EXPECT_EQ(8 * pool->v(layer).size, 6 * pool->k(layer).size);
  }
  EXPECT_EQ(buffers.size(), 6u);
  EXPECT_EQ(pool->bytes(), 3 * (pool->k(0).size + pool->v(0).size));
  EXPECT_EQ(page_bytes({.region_words = {8, 6, 8, 6, 8, 6}}) * 5, pool->bytes());
  EXPECT_EQ(pool->pages(), 5u);
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

}  // namespace
}  // namespace pumice
