#include "kv/tiers/ram_tier.h"

#include <gtest/gtest.h>

#include "support/kv_pages.h"

namespace pumice::ram_tier_test {

SharedPage shared(const StoredPage& page) { return std::make_shared<const LoadedPage>(test::loaded(page)); }

TEST(RamTier, SharesWhatItHolds) {
  RamTier ram(1 << 20);
  const auto text = test::make_text(1, 5000, 1);
  const SharedPage page = shared(text[0]);
  ram.write(page);
  EXPECT_EQ(ram.read(test::wanted(text[0])), page);  // the same object: no copy
  EXPECT_EQ(ram.stats().hits, 1u);
}

TEST(RamTier, ComparesParentAndTokens) {
  RamTier ram(1 << 20);
  const auto text = test::make_text(2, 100, 1);
  ram.write(shared(text[0]));
  WantedPage other = test::wanted(text[0]);
  other.tokens = text[1].tokens;
  EXPECT_EQ(ram.read(other), nullptr);
  other = test::wanted(text[0]);
  other.parent = text[1].key;
  EXPECT_EQ(ram.read(other), nullptr);
  EXPECT_EQ(ram.stats().misses, 2u);
}

TEST(RamTier, GivesUpTheLeastRecentlyUsedAndKeepsToItsLimit) {
  RamTier ram(7'000);  // room for two
  const auto text = test::make_text(4, 3000, 1);
  for (const size_t i : {0u, 1u}) ram.write(shared(text[i]));
  EXPECT_TRUE(ram.read(test::wanted(text[0])));
  ram.write(shared(text[2]));
  EXPECT_LE(ram.stats().bytes, 7'000u);
  EXPECT_TRUE(ram.may_contain(text[0].key));
  EXPECT_FALSE(ram.may_contain(text[1].key));
  EXPECT_TRUE(ram.may_contain(text[2].key));
  EXPECT_EQ(ram.stats().evictions, 1u);
  ram.write(shared(text[2]));  // again: takes no more room
  EXPECT_EQ(ram.stats().values, 2u);
  ram.write(shared(test::make_text(1, 20'000, 2)[0]));  // too large: nothing happens
  EXPECT_EQ(ram.stats().values, 2u);
  ram.clear();
  EXPECT_EQ(ram.stats().bytes, 0u);
  EXPECT_FALSE(ram.may_contain(text[0].key));
}

}  // namespace pumice::ram_tier_test
