// EvictionPolicy: which block a full cache gives up. Metadata alone: no page, no device.
//
// A block is the content of a page with all that comes before it, so blocks form a forest; a block is of use only while
// those before it are in the cache. The cache decides what may go (nothing in use, nothing pinned, no block with
// another behind it in the cache) and says so as it changes; a policy says which of them goes first. So a victim costs
// about the logarithm of their number. Only request(), extend() and inserted() need memory, and when there is none the
// policy does not know of that block or request. Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pumice {

using NodeId = uint32_t;  // of a block while it is in the cache; used again for another block later
constexpr NodeId kNoNode = UINT32_MAX;

struct BlockInfo {
  uint64_t id = 0;      // of the content: equal ids are equal blocks, whether in the cache or not; never 0
  uint64_t parent = 0;  // id of the block before; 0: this is the first of a text
  uint32_t depth = 0;   // blocks before it
  float cost = 1;       // of computing it again; any unit, the same for all
};

enum class PolicyKind : uint32_t {
  kLru = 0,
  kLfu = 1,
  kRandom = 2,
  kS3Fifo = 3,
  kCost = 4,
  kAdaptive = 5,
  kLearned = 6
};
const char* policy_name(PolicyKind kind);  // "lru", "lfu", "random", "s3fifo", "cost", "adaptive", "learned"
Result<PolicyKind> find_policy(std::string_view name);

// One of the policies that the adaptive one chooses from.
struct Expert {
  PolicyKind policy;
  double hit_rate = 0;         // of its shadow
  double hit_rate_lately = 0;  // the same over the last few turnovers of the cache
  bool leads = false;
};

// What the learned policy knows of blocks that are alike: those whose numbers are at least these, and below the next.
struct LearnedKind {
  uint32_t uses = 0, depth = 0, from_end = 0;  // from_end: blocks behind it in the text that used it last
  bool late = false;                           // its last two uses were far apart
  double seen = 0;                             // uses, faded
  double comes_back = 0;                       // the chance of another use
  double worth = 0;                            // uses expected per block and use of any, right after a use
};

class EvictionPolicy {
 public:
  using Evictable = std::function<bool(NodeId)>;

  virtual ~EvictionPolicy() = default;
  // A request begins. chain: its content, the first block first, whether in the cache or not. Blocks that are touched
  // or inserted until the next call belong to it.
  virtual void request(std::span<const BlockInfo> chain) = 0;
  // The current request goes on with one more block (a page that generation filled).
  virtual void extend(const BlockInfo& block) = 0;
  virtual void inserted(NodeId node, const BlockInfo& block) = 0;
  virtual void touched(NodeId node) = 0;  // the current request uses it
  virtual void removed(NodeId node) = 0;  // it left the cache, for whatever cause; no longer evictable
  // Whether it may go from now on. After inserted() it may not.
  virtual void set_evictable(NodeId node, bool evictable) = 0;
  // Which goes first of those that may and that `filter` allows (empty: all); kNoNode: none. The caller need not remove
  // it. A filter makes this as slow as the number of evictable nodes.
  virtual NodeId victim(const Evictable& filter) = 0;
  // How many blocks the cache holds at most (shadows follow it).
  virtual void set_capacity(uint32_t blocks) = 0;
  // The policy that decides at present: itself, except for the adaptive one.
  virtual PolicyKind leader() const = 0;
  // For people to look at; empty where there is nothing of the kind.
  virtual std::vector<Expert> experts() const { return {}; }
  virtual std::vector<LearnedKind> learned() const { return {}; }
};

// seed: of the random choices, so that a run can be repeated. learned: whether the adaptive one has that expert, too.
std::unique_ptr<EvictionPolicy> make_policy(PolicyKind kind, uint32_t capacity, uint64_t seed, bool learned = true);

}  // namespace pumice
