// A plain model of PrefixIndex, driven beside it with random operations; every answer is compared.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "kv/index/prefix_index.h"

namespace pumice::test {

// What the model gets wrong on purpose, to show that the comparison finds it.
enum class Mistake { kNone, kForgetsPins, kForgetsTokens, kNeverExpires, kIgnoresQuota, kMostRecentFirst };

struct ModelOptions {
  uint64_t operations = 0;
  uint64_t seed = 1;
  PolicyKind policy = PolicyKind::kLru;
  bool switch_policies = false;  // otherwise LRU's victims are compared, too
  Mistake mistake = Mistake::kNone;
};

class PrefixIndexModel {
 public:
  explicit PrefixIndexModel(const ModelOptions& options);
  // The first difference; "" when there is none.
  std::string run();
  uint64_t evicted() const { return evicted_; }
  uint64_t hits() const { return hits_; }

 private:
  struct Text {  // blocks that the caller holds, from the first on
    std::vector<NodeId> nodes;
    TenantId tenant = 0;
  };
  struct Page {
    PageKey key;
    NodeId parent = kNoNode;
    std::vector<int32_t> tokens;
    PageId page = 0;
    TenantId tenant = 0;
    uint32_t depth = 0, references = 0, pins = 0;
    double used = 0;
    uint64_t request = 0;
  };
  struct Made {
    std::vector<std::vector<int32_t>> tokens;
    std::vector<Block> blocks;
  };

  void step();
  void match();
  void match_more();
  void insert();
  void share();
  void release();
  void pin_or_unpin();
  void evict();
  void evict_of();
  void evict_expired();
  void evict_any();
  void change_settings();
  void compare();

  uint64_t below(uint64_t limit) { return random_() % limit; }
  Made make_text(TenantId tenant, const PageKey* after);
  std::optional<NodeId> find(const PageKey& key) const;
  bool busy(NodeId node) const;
  bool leaf(NodeId node) const;
  bool free(NodeId node) const { return leaf(node) && !busy(node); }
  bool expired(NodeId node) const;
  std::vector<NodeId> walk(NodeId parent, const std::vector<Block>& blocks) const;
  void take(const std::vector<NodeId>& nodes, bool request);
  void drop(Text& text);
  void removed(const std::optional<EvictedPage>& evicted, const char* what,
               bool (*allowed)(const PrefixIndexModel&, NodeId));
  uint32_t tenant_pages(TenantId tenant) const;
  void expect(bool holds, const char* what);

  ModelOptions options_;
  PrefixIndex index_;
  std::mt19937_64 random_;
  std::map<NodeId, Page> pages_;
  std::vector<Text> texts_;
  std::vector<NodeId> pinned_;
  std::vector<uint32_t> quotas_;
  TenantId asked_tenant_ = 0;
  PageId next_page_ = 0;
  double now_ = 0, ttl_ = 0;
  uint64_t request_ = 0, evicted_ = 0, hits_ = 0, operation_ = 0;
  std::string problem_;
};

}  // namespace pumice::test
