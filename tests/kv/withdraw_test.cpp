// PrefixIndex::withdraw: a page goes back to the one sequence that uses it.
#include <gtest/gtest.h>

#include <vector>

#include "kv/index/prefix_index.h"

namespace pumice::test::withdraw_test {

TEST(Withdraw, TakesOutTheLastNodeOfItsOnlyUser) {
  PrefixIndex index({.policy = PolicyKind::kLru, .capacity = 4});
  const std::vector<int32_t> tokens(32, 7);
  const auto key = [](uint8_t first) {
    PageKey made;
    made.bytes[0] = std::byte{first};
    return made;
  };
  const NodeId parent = index.insert(kNoNode, {key(1), tokens}, 11, 0, 0);
  const NodeId child = index.insert(parent, {key(2), tokens}, 12, 0, 0);
  ASSERT_NE(child, kNoNode);
  EXPECT_EQ(index.withdraw(parent, 1), std::nullopt) << "another page is behind it";
  index.acquire(child);
  EXPECT_EQ(index.withdraw(child, 1), std::nullopt) << "it has another user";
  index.release(child, 1);
  index.pin(child);
  EXPECT_EQ(index.withdraw(child, 1), std::nullopt) << "it is pinned";
  index.unpin(child);
  index.check_invariants();
  EXPECT_EQ(index.size(), 2u);
  EXPECT_EQ(index.withdraw(child, 1), 12u);
  EXPECT_EQ(index.withdraw(parent, 1), 11u);
  index.check_invariants();
  EXPECT_EQ(index.size(), 0u);
  EXPECT_EQ(index.tenant_pages(0), 0u);
  const Block block{key(1), tokens};
  EXPECT_TRUE(index.match({&block, 1}, 2).empty());
}

}  // namespace pumice::test::withdraw_test
