// PrefixIndex: which sealed pages are in device memory, by content, as a prefix tree.
//
// A node is a block (the content of one page after all before it) together with the page that holds it. Sequences hold
// references to nodes; a node without references, pins and children may be evicted. The tokens of a node are kept and
// compared on every hit, so that not even a collision of keys can serve the wrong page.
// The index never touches a page itself: it hands page ids in and out. Times are seconds of any steady clock.
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "kv/eviction_policy.h"
#include "kv/page_key.h"

namespace pumice {

using PageId = uint32_t;
using TenantId = uint32_t;  // an isolation group; dense small numbers

// One page of a text, by content. `tokens` are kPageTokens ids and live as long as the call.
struct Block {
  PageKey key;
  std::span<const int32_t> tokens;
};

enum class EvictionCause : uint32_t { kCapacity = 0, kExpired = 1, kQuota = 2, kShrunk = 3, kCleared = 4 };
constexpr size_t kEvictionCauses = 5;

struct PrefixIndexOptions {
  PolicyKind policy = PolicyKind::kAdaptive;
  uint32_t capacity = 0;   // pages of the pool
  double ttl_seconds = 0;  // since last use; 0: none
  uint64_t seed = 1;
};

struct EvictedPage {
  PageId page = 0;
  PageKey key;
};

class PrefixIndex {
 public:
  explicit PrefixIndex(const PrefixIndexOptions& options);

  // Tells the policy of a request for `chain` (the first block first), and returns the nodes of its longest leading
  // part that is here, each with one reference for the caller. `cost(i)` grows with i on usual models: later tokens
  // attend to more. Expired nodes are not found.
  std::vector<NodeId> match(std::span<const Block> chain, double now);
  // The same without telling the policy, from `parent` on (kNoNode: from the start): what another request has sealed
  // since.
  std::vector<NodeId> match_more(NodeId parent, std::span<const Block> chain, double now);

  // A sealed page. The index owns `page` from now on and the caller has one reference to the node. kNoNode: the block
  // is here already or the tenant's quota leaves no room; the page stays the caller's. The parent must be referenced.
  NodeId insert(NodeId parent, const Block& block, PageId page, TenantId tenant, double now);

  void acquire(NodeId node);
  void release(NodeId node, double now);
  void pin(NodeId node);  // counted; a pinned node stays, and with it those before it
  void unpin(NodeId node);

  // Takes the node that is best given up out of the index; its page is the caller's again. nullopt: all are in use.
  std::optional<EvictedPage> evict(EvictionCause cause);
  // One node that has expired; nullopt: none.
  std::optional<EvictedPage> evict_expired(double now);
  // One node of no use to anyone, whatever the policy says; for clearing. nullopt: none.
  std::optional<EvictedPage> evict_any(EvictionCause cause);

  void set_policy(PolicyKind policy);  // keeps all nodes; the new policy begins with their order of last use
  void set_capacity(uint32_t pages);   // for the policy; evicting down to it is the caller's matter
  void set_ttl(double seconds) { options_.ttl_seconds = seconds; }
  void set_quota(TenantId tenant, uint32_t pages);  // most nodes of the tenant; UINT32_MAX: no limit

  PageId page(NodeId node) const;
  const PageKey& key(NodeId node) const;
  NodeId parent(NodeId node) const;
  std::span<const int32_t> tokens(NodeId node) const;
  TenantId tenant(NodeId node) const;
  uint32_t references(NodeId node) const;
  uint32_t size() const;       // nodes
  uint32_t evictable() const;  // nodes that nobody references and nothing behind which is referenced or pinned
  uint32_t tenant_pages(TenantId tenant) const;
  PolicyKind policy() const { return options_.policy; }
  PolicyKind leader() const;
  const std::array<uint64_t, kEvictionCauses>& evictions() const;
  void check_invariants() const;  // for tests: ends the process when something is wrong

 private:
  PrefixIndexOptions options_;
};

}  // namespace pumice
