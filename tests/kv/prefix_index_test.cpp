// PrefixIndex: the cases that its header promises, one by one; prefix_index_model_test.cpp mixes them.
#include "kv/index/prefix_index.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace pumice::prefix_index_test {

// Blocks of one token under one root. "abc" is a text of three blocks; equal beginnings are equal blocks.
class Text {
 public:
  explicit Text(const std::string& letters) : tokens_(letters.begin(), letters.end()) {
    PageKey key{};
    for (const int32_t& token : tokens_) {
      key = child_key(Secret{}, key, std::span(&token, 1));
      blocks_.push_back({.key = key, .tokens = std::span(&token, 1)});
    }
  }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  operator std::span<const Block>() const { return blocks_; }
  const Block& operator[](size_t i) const { return blocks_[i]; }

 private:
  std::vector<int32_t> tokens_;
  std::vector<Block> blocks_;
};

class PrefixIndexTest : public testing::Test {
 protected:
  // A request that computes what is missing; its nodes, still referenced.
  std::vector<NodeId> hold(const std::string& letters, double now = 0, TenantId tenant = 0) {
    const Text text(letters);
    std::vector<NodeId> nodes = index_.match(text, now);
    for (size_t i = nodes.size(); i < letters.size(); ++i)
      nodes.push_back(index_.insert(nodes.empty() ? kNoNode : nodes.back(), text[i], next_page_++, tenant, now));
    return nodes;
  }
  void release(const std::vector<NodeId>& nodes, double now = 0) {
    for (const NodeId node : nodes) index_.release(node, now);
  }
  void use(const std::string& letters, double now = 0, TenantId tenant = 0) {
    release(hold(letters, now, tenant), now);
  }
  size_t found(const std::string& letters, double now = 0) {
    const std::vector<NodeId> nodes = index_.match_more(kNoNode, Text(letters), now);
    release(nodes, now);
    return nodes.size();
  }
  // The last letter's page and key.
  void expect_evicted(const std::optional<EvictedPage>& evicted, const std::string& letters) {
    ASSERT_TRUE(evicted);
    EXPECT_EQ(evicted->key, Text(letters)[letters.size() - 1].key) << letters;
  }

  PrefixIndex index_{{.policy = PolicyKind::kLru, .capacity = 8}};
  PageId next_page_ = 0;
};

TEST_F(PrefixIndexTest, FindsTheLongestLeadingPart) {
  use("abc");
  EXPECT_EQ(found("abcd"), 3u);
  EXPECT_EQ(found("abx"), 2u);
  EXPECT_EQ(found("xbc"), 0u);
  EXPECT_EQ(found("bc"), 0u) << "the same tokens after others are another block";
  EXPECT_EQ(index_.size(), 3u);
  index_.check_invariants();
}

TEST_F(PrefixIndexTest, ComparesTokensOnEveryHit) {
  use("abc");
  const Text text("abc");
  const int32_t wrong = 'x';
  const std::vector<Block> collision{text[0], {.key = text[1].key, .tokens = std::span(&wrong, 1)}, text[2]};
  const std::vector<NodeId> nodes = index_.match(collision, 0);
  EXPECT_EQ(nodes.size(), 1u);
  EXPECT_EQ(index_.insert(nodes[0], collision[1], 77, 0, 0), kNoNode) << "the page stays the caller's";
  release(nodes);
  EXPECT_EQ(found("abc"), 3u);
}

TEST_F(PrefixIndexTest, InsertingTwiceKeepsTheFirst) {
  const std::vector<NodeId> nodes = hold("ab");
  const Text text("ab");
  EXPECT_EQ(index_.insert(nodes[0], text[1], 77, 0, 0), kNoNode);
  EXPECT_EQ(index_.page(nodes[1]), 1u);
  EXPECT_EQ(index_.references(nodes[1]), 1u);
}

TEST_F(PrefixIndexTest, NothingInUseIsEvicted) {
  const std::vector<NodeId> nodes = hold("abc");
  EXPECT_EQ(index_.evictable(), 0u);
  EXPECT_FALSE(index_.evict(EvictionCause::kCapacity));
  // The last block alone, too, keeps those before it.
  index_.release(nodes[0], 0);
  index_.release(nodes[1], 0);
  EXPECT_EQ(index_.evictable(), 0u);
  EXPECT_FALSE(index_.evict_any(EvictionCause::kCleared));
  index_.release(nodes[2], 0);
  EXPECT_EQ(index_.evictable(), 3u);
  for (const char* text : {"abc", "ab", "a"}) expect_evicted(index_.evict(EvictionCause::kCapacity), text);
  EXPECT_FALSE(index_.evict(EvictionCause::kCapacity));
  EXPECT_EQ(index_.evictions()[static_cast<size_t>(EvictionCause::kCapacity)], 3u);
}

TEST_F(PrefixIndexTest, LruIsByRequestAndDeepestFirst) {
  use("abc");
  use("axy");
  use("q");
  EXPECT_EQ(hold("ab").size(), 2u);  // used again, "abc" is not
  for (const char* text : {"abc", "axy", "ax", "q"}) expect_evicted(index_.evict(EvictionCause::kCapacity), text);
}

TEST_F(PrefixIndexTest, PinsCount) {
  const std::vector<NodeId> nodes = hold("ab");
  index_.pin(nodes[1]);
  index_.pin(nodes[1]);
  release(nodes);
  EXPECT_EQ(index_.evictable(), 0u);
  index_.unpin(nodes[1]);
  EXPECT_FALSE(index_.evict(EvictionCause::kCapacity));
  index_.unpin(nodes[1]);
  expect_evicted(index_.evict(EvictionCause::kCapacity), "ab");
}

TEST_F(PrefixIndexTest, UnusedTextsExpire) {
  index_.set_ttl(10);
  use("ab", 0);
  use("q", 5);
  EXPECT_EQ(found("a", 9), 1u);  // used again
  EXPECT_EQ(found("ab", 11), 1u) << "b has expired";
  expect_evicted(index_.evict_expired(11), "ab");
  EXPECT_FALSE(index_.evict_expired(11));
  expect_evicted(index_.evict_expired(16), "q");
  const std::vector<NodeId> held = hold("a", 20);
  EXPECT_EQ(found("a", 100), 1u) << "what is in use does not expire";
  EXPECT_FALSE(index_.evict_expired(100));
  release(held, 100);
  EXPECT_FALSE(index_.evict_expired(110));
  EXPECT_TRUE(index_.evict_expired(110.5));
}

TEST_F(PrefixIndexTest, AnExpiredBlockThatIsComputedAgainIsFoundAgain) {
  index_.set_ttl(10);
  use("a", 0);
  const Text text("a");
  EXPECT_TRUE(index_.match(text, 50).empty());
  EXPECT_EQ(index_.insert(kNoNode, text[0], 77, 0, 50), kNoNode);
  EXPECT_EQ(found("a", 50), 1u);
  index_.check_invariants();
}

TEST_F(PrefixIndexTest, QuotasHoldByTenant) {
  index_.set_quota(1, 2);
  use("ab", 0, 1);
  use("qr", 0, 0);
  EXPECT_FALSE(index_.has_room(1));
  EXPECT_TRUE(index_.has_room(0));
  const Text text("x");
  EXPECT_EQ(index_.insert(kNoNode, text[0], 77, 1, 0), kNoNode);
  expect_evicted(index_.evict_of(1, EvictionCause::kQuota), "ab");
  EXPECT_NE(index_.insert(kNoNode, text[0], 77, 1, 0), kNoNode);
  EXPECT_EQ(index_.tenant_pages(1), 2u);
  EXPECT_EQ(index_.tenant_pages(0), 2u);
  EXPECT_FALSE(index_.evict_of(7, EvictionCause::kQuota));
}

TEST_F(PrefixIndexTest, SwitchingThePolicyKeepsAllAndTheOrderOfUse) {
  use("abc", 1);
  use("xy", 2);
  use("a", 3);
  const std::vector<NodeId> held = hold("q", 4);
  for (const PolicyKind policy : {PolicyKind::kAdaptive, PolicyKind::kS3Fifo, PolicyKind::kLru}) {
    index_.set_policy(policy);
    EXPECT_EQ(index_.policy(), policy);
    EXPECT_EQ(index_.size(), 6u);
    index_.check_invariants();
  }
  EXPECT_EQ(index_.leader(), PolicyKind::kLru);
  expect_evicted(index_.evict(EvictionCause::kCapacity), "abc");
  expect_evicted(index_.evict(EvictionCause::kCapacity), "ab");
}

TEST_F(PrefixIndexTest, ClearsToTheLastPage) {
  use("abc");
  use("axy");
  std::set<PageId> pages;
  while (const auto evicted = index_.evict_any(EvictionCause::kCleared)) pages.insert(evicted->page);
  EXPECT_EQ(pages, (std::set<PageId>{0, 1, 2, 3, 4}));
  EXPECT_EQ(index_.size(), 0u);
  EXPECT_EQ(index_.evictions()[static_cast<size_t>(EvictionCause::kCleared)], 5u);
  use("abc");
  EXPECT_EQ(found("abc"), 3u);
}

TEST_F(PrefixIndexTest, MisuseIsABug) {
  const std::vector<NodeId> nodes = hold("a");
  release(nodes);
  const Text text("ab");
  EXPECT_THROW(index_.release(nodes[0], 0), BrokenInvariant);
  EXPECT_THROW((void)index_.insert(nodes[0], text[1], 9, 0, 0), BrokenInvariant) << "the parent is not referenced";
  EXPECT_THROW(index_.unpin(nodes[0]), BrokenInvariant);
}

}  // namespace pumice::prefix_index_test
