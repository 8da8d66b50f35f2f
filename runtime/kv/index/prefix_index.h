// PrefixIndex: which sealed pages are in device memory, by content, as a prefix tree.
//
// A node is a block (the content of one page after all before it) together with the page that holds it. Sequences hold
// references to nodes; a node without references, pins and children may be evicted. The tokens of a node are kept and
// compared on every hit, so that not even a collision of keys can serve the wrong page.
// The index never touches a page itself: it hands page ids in and out. Times are seconds of any steady clock.
// Thread rule: one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "kv/index/block_tree.h"
#include "kv/index/node_heap.h"
#include "kv/index/page_key.h"
#include "kv/policy/eviction_policy.h"

namespace pumice {

using PageId = uint32_t;
using TenantId = uint32_t;  // an isolation group; dense small numbers

// One page of a text, by content. `tokens` are as many as a page holds, the same number for all blocks, and live as
// long as the call.
struct Block {
  PageKey key;
  std::span<const int32_t> tokens;
};

// What policies and HitCurve know the block as; never 0.
uint64_t block_id(const PageKey& key);

enum class EvictionCause : uint32_t { kCapacity = 0, kExpired = 1, kQuota = 2, kShrunk = 3, kCleared = 4 };
constexpr size_t kEvictionCauses = 5;

struct PrefixIndexOptions {
  PolicyKind policy = PolicyKind::kAdaptive;
  uint32_t capacity = 0;   // pages of the pool
  double ttl_seconds = 0;  // since last use; 0: none
  uint64_t seed = 1;
  bool learned = true;  // see make_policy()
  // How much dearer each block of a text is to compute than the one before it, as a part of the first one's cost: later
  // tokens attend to more. About 0.001 for 32 tokens of a model with some billion parameters.
  float cost_growth = 0.001f;
};

// A page as it lies in device memory.
struct IndexedPage {
  NodeId node = 0;
  PageId page = 0;
  uint32_t depth = 0;  // pages of its text before it
  uint32_t pins = 0;
  uint32_t uses = 0;    // times that it was found again
  uint32_t origin = 0;  // where its content came from: 0 computed, else as set_origin() said
  double used = 0;      // when last
};

struct EvictedPage {
  PageId page = 0;
  PageKey key;
};

class PrefixIndex {
 public:
  explicit PrefixIndex(const PrefixIndexOptions& options);
  PrefixIndex(const PrefixIndex&) = delete;
  PrefixIndex& operator=(const PrefixIndex&) = delete;

  // Tells the policy of a request for `chain` (the first block first), and returns the nodes of its longest leading
  // part that is here, each with one reference for the caller. Expired nodes are not found: see evict_expired().
  std::vector<NodeId> match(std::span<const Block> chain, double now);
  // The same without telling the policy, from `parent` on (kNoNode: from the start): what another request has sealed
  // since.
  std::vector<NodeId> match_more(NodeId parent, std::span<const Block> chain, double now);

  // A sealed page. The index owns `page` from now on and the caller has one reference to the node. kNoNode: the block
  // is here already (match_more() finds it) or the tenant's quota leaves no room (see has_room()); the page stays the
  // caller's. The parent must be referenced.
  NodeId insert(NodeId parent, const Block& block, PageId page, TenantId tenant, double now);

  void acquire(NodeId node);
  void release(NodeId node, double now);
  void pin(NodeId node);  // counted; a pinned node stays, and with it those before it
  void unpin(NodeId node);

  // Takes the node that is best given up out of the index; its page is the caller's again. nullopt: all are in use.
  std::optional<EvictedPage> evict(EvictionCause cause);
  // The same among the tenant's nodes, to make room under its quota; looks at all evictable nodes.
  std::optional<EvictedPage> evict_of(TenantId tenant, EvictionCause cause);
  // One node that has expired (not used for the time to live, and not in use); nullopt: none. Call it until then before
  // match(), so that a text that comes back is cached anew.
  std::optional<EvictedPage> evict_expired(double now);
  // One node that nobody uses, whatever the policy says; for clearing. nullopt: none.
  std::optional<EvictedPage> evict_any(EvictionCause cause);

  // Takes out a node whose only user is the caller, and the last one; its page is the caller's. nullopt: it has others.
  std::optional<PageId> withdraw(NodeId node, double now);

  void set_policy(PolicyKind policy);  // keeps all nodes; the new policy begins with their order of last use
  void set_capacity(uint32_t pages);   // for the policy; evicting down to it is the caller's matter
  void set_ttl(double seconds) { options_.ttl_seconds = seconds; }  // 0: none
  // Most nodes of the tenant; UINT32_MAX: no limit. Evicting down to it is the caller's matter.
  void set_quota(TenantId tenant, uint32_t pages);
  bool has_room(TenantId tenant) const;  // whether the quota allows one more node

  std::vector<IndexedPage> pages_of(TenantId tenant) const;
  void set_origin(NodeId node, uint32_t origin) { entries_[node].origin = origin; }
  PageId page(NodeId node) const;
  const PageKey& key(NodeId node) const;
  NodeId parent(NodeId node) const;
  std::span<const int32_t> tokens(NodeId node) const;
  TenantId tenant(NodeId node) const;
  uint32_t references(NodeId node) const;
  uint32_t size() const { return tree_.size(); }  // nodes
  // Nodes that nobody references and nothing behind which is referenced or pinned: evict() can take so many.
  uint32_t evictable() const { return tree_.idle(); }
  uint32_t tenant_pages(TenantId tenant) const;
  PolicyKind policy() const { return options_.policy; }
  PolicyKind leader() const { return tree_.policy().leader(); }
  std::vector<Expert> experts() const { return tree_.policy().experts(); }
  std::vector<LearnedKind> learned() const { return tree_.policy().learned(); }
  const std::array<uint64_t, kEvictionCauses>& evictions() const { return evictions_; }
  void check_invariants() const;  // for tests: throws BrokenInvariant when something is wrong

 private:
  struct Entry {
    PageKey key;
    PageId page = 0;
    TenantId tenant = 0;
    uint32_t references = 0;
    uint32_t pins = 0;
    uint32_t uses = 0, origin = 0;
    double used = 0;  // when last
  };
  struct Tenant {
    uint32_t pages = 0;
    uint32_t quota = UINT32_MAX;
  };

  BlockInfo info_of(const PageKey& key, uint64_t parent, uint32_t depth) const;
  void announce(uint64_t id);
  bool take_announced(uint64_t id);
  // The leading part of the chain that is here, without references.
  std::vector<NodeId> walk(NodeId parent, std::span<const Block> chain, double now) const;
  void use(const std::vector<NodeId>& nodes, double now);
  bool holds(NodeId node, NodeId parent, const Block& block) const;
  bool expired(NodeId node, double now) const;
  void make_place(NodeId node, size_t tokens);
  Tenant& tenant_state(TenantId tenant);
  std::optional<EvictedPage> take_out(NodeId node, EvictionCause cause);

  PrefixIndexOptions options_;
  NodeHeap idle_leaves_;  // evictable nodes by last use
  BlockTree tree_;
  std::vector<Entry> entries_;   // by node
  std::vector<int32_t> tokens_;  // (node, tokens_per_block_)
  size_t tokens_per_block_ = 0;  // as in the first block
  std::vector<Tenant> tenants_;
  std::array<uint64_t, kEvictionCauses> evictions_{};
  std::vector<BlockInfo> request_;  // of the current match
  // Blocks of requests that were not here: when one is inserted, the policy knows of it. Two generations, so that those
  // which never come are forgotten.
  IdMap<uint8_t> announced_, announced_before_;
};

}  // namespace pumice
