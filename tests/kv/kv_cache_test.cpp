// KvCache, driven at random: whatever is done to sequences, pages and tiers, and however late the device is, a step
// reads the keys of its own text and a session has them.
//
// PUMICE_TEST_OPERATIONS=1000000 runs the random tests as long as that.
#include "kv/kv_cache.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "kv/kv_cache_model.h"

namespace pumice::test::kv_cache_test {

uint64_t operations() {
  const char* const asked = std::getenv("PUMICE_TEST_OPERATIONS");
  return asked ? std::strtoull(asked, nullptr, 10) : 40000;
}

KvCacheOptions with_ram() {
  KvCacheOptions options{.reuse = true, .seconds_per_token = 1};
  options.store.ram_bytes = 100 * sizeof(PageWords);
  return options;
}

// Nothing goes wrong; what is done is added to the sum.
void run_into(CacheModelCounts& sum, const CacheModelOptions& options) {
  KvCacheModel model(options);
  ASSERT_EQ(model.run(), "");
  const CacheModelCounts& counts = model.counts();
  for (size_t i = 0; i < kKvSources; ++i) sum.hits[i] += counts.hits[i];
  sum.steps += counts.steps, sum.forks += counts.forks, sum.saved += counts.saved, sum.restored += counts.restored;
  sum.slid += counts.slid, sum.failed += counts.failed, sum.lost_devices += counts.lost_devices;
}

TEST(KvCacheRandom, NoOperationServesAWrongPage) {
  CacheModelCounts sum;
  for (uint64_t seed = 1; seed <= 4; ++seed)
    ASSERT_NO_FATAL_FAILURE(run_into(sum, {.operations = operations() / 4, .seed = seed, .cache = with_ram()}));
  EXPECT_GT(sum.hits[0], 100u);
  EXPECT_GT(sum.hits[1], 10u) << "nothing came back from RAM";
  for (const uint64_t count : {sum.steps, sum.forks, sum.saved, sum.restored, sum.slid, sum.failed})
    EXPECT_GT(count, 10u);
  EXPECT_GT(sum.lost_devices, 0u);
  std::printf(
      "  %llu steps, %llu pages found in the pool and %llu in RAM, %llu forks, %llu sessions saved and %llu\n"
      "  restored, %llu slides, %llu requests failed, %llu devices lost\n",
      static_cast<unsigned long long>(sum.steps), static_cast<unsigned long long>(sum.hits[0]),
      static_cast<unsigned long long>(sum.hits[1]), static_cast<unsigned long long>(sum.forks),
      static_cast<unsigned long long>(sum.saved), static_cast<unsigned long long>(sum.restored),
      static_cast<unsigned long long>(sum.slid), static_cast<unsigned long long>(sum.failed),
      static_cast<unsigned long long>(sum.lost_devices));
}

TEST(KvCacheRandom, PagesOfWindowsAreAsRight) {
  CacheModelCounts sum;
  for (const uint32_t window : {1u, 40u, 100u})
    ASSERT_NO_FATAL_FAILURE(
        run_into(sum, {.operations = operations() / 8, .seed = window, .cache = with_ram(), .window = window}));
  EXPECT_GT(sum.hits[0], 100u);
  EXPECT_GT(sum.hits[1], 10u);
  EXPECT_GT(sum.slid, 10u);
}

TEST(KvCacheRandom, StatesAreAsRight) {
  CacheModelCounts sum;
  for (const uint64_t seed : {1, 2, 3})
    ASSERT_NO_FATAL_FAILURE(
        run_into(sum, {.operations = operations() / 8, .seed = seed, .cache = with_ram(), .states = true}));
  EXPECT_GT(sum.hits[0], 10u);
  EXPECT_GT(sum.hits[1], 10u);
  EXPECT_GT(sum.forks, 10u);
}

TEST(KvCacheRandom, WithoutReuseToo) {
  for (const uint32_t window : {0u, 50u}) {
    CacheModelCounts counts;
    ASSERT_NO_FATAL_FAILURE(run_into(counts, {.operations = operations() / 8, .seed = 9, .window = window}));
    EXPECT_EQ(counts.hits[0], 0u);
  }
}

// The first two were how the host reached pages on CPU devices.
TEST(KvCacheRandom, AMistakeOfTheMemoryIsFound) {
  for (const MemoryMistake mistake :
       {MemoryMistake::kHostReadsAtOnce, MemoryMistake::kHostWritesAtOnce, MemoryMistake::kNeverScrubs}) {
    const CacheModelOptions options{.operations = 40000, .cache = with_ram(), .mistake = mistake};
    EXPECT_NE(KvCacheModel(options).run(), "") << static_cast<int>(mistake);
  }
}

// A step that is in flight looks at its row of the page table when it runs: before a page has its bytes, maybe.
TEST(KvCacheTest, AListInFlightDoesNotTakeOverAPageThatIsStillBeingWritten) {
  PageAllocator pool(8);
  QueuedMemory memory(8, 1);
  const Result<std::unique_ptr<KvCache>> made = KvCache::create(pool, memory, with_ram());
  ASSERT_TRUE(made.ok());
  KvCache& cache = **made;
  const std::vector<int32_t> tokens(kPageTokens + 1, 5);

  PageList first = cache.open(0);
  ASSERT_TRUE(cache.reserve(first, kPageTokens + 1));
  cache.seal(first, tokens, kPageTokens);
  const Result<bool> flushed = cache.flush(60);
  ASSERT_TRUE(flushed.ok() && *flushed);
  cache.shrink(first, 0);
  EXPECT_TRUE(cache.clear(false));

  PageList computes = cache.open(0), fetches = cache.open(0);
  ASSERT_TRUE(cache.reserve(computes, kPageTokens + 1) && cache.reserve(fetches, kPageTokens + 1));
  PrefixFetch fetch;
  cache.begin_fetch(fetches, tokens, fetch);
  while (cache.advance_fetch(fetches, tokens, fetch)) {
  }
  ASSERT_EQ(fetches.nodes.size(), 1u) << "it comes from RAM";
  const std::vector<PageId> own = computes.pages;
  cache.seal(computes, tokens, kPageTokens);
  EXPECT_EQ(computes.pages, own);
  EXPECT_TRUE(computes.nodes.empty());
  memory.finish_all();
  cache.seal(computes, tokens, kPageTokens);
  EXPECT_EQ(computes.pages[0], fetches.pages[0]);
  EXPECT_EQ(computes.nodes, fetches.nodes);
}

// Tokens say too little of a picture's rows: two pictures may have the same ones.
TEST(KvCacheTest, PicturesAreInTheKeys) {
  PageAllocator pool(8);
  QueuedMemory memory(8, 1);
  const Result<std::unique_ptr<KvCache>> made = KvCache::create(pool, memory, {.reuse = true});
  ASSERT_TRUE(made.ok());
  KvCache& cache = **made;
  const std::vector<int32_t> tokens(2 * kPageTokens + 1, -7);
  const auto tokens_found = [&](const std::vector<PagePicture>& pictures) {
    PageList list = cache.open(0);
    list.pictures = pictures;
    const uint32_t found = cache.match(list, tokens, true);
    cache.shrink(list, 0);
    return found;
  };
  PageKey one, other;
  other.bytes[31] = std::byte{1};
  PageList first = cache.open(0);
  first.pictures = {{.first = 40, .count = 20, .identity = one}};
  ASSERT_TRUE(cache.reserve(first, 2 * kPageTokens));
  cache.seal(first, tokens, 2 * kPageTokens);
  memory.finish_all();
  cache.seal(first, tokens, 2 * kPageTokens);
  EXPECT_EQ(tokens_found(first.pictures), 2 * kPageTokens);
  EXPECT_EQ(tokens_found({{.first = 40, .count = 20, .identity = other}}), kPageTokens);
  EXPECT_EQ(tokens_found({{.first = 41, .count = 19, .identity = one}}), kPageTokens) << "other rows of it";
  EXPECT_EQ(tokens_found({{.first = 0, .count = 60, .identity = one}}), 0u);
  EXPECT_EQ(tokens_found({}), kPageTokens);
}

}  // namespace pumice::test::kv_cache_test
