// LearnedPolicy: gives up the block that is worth least: of which the fewest uses are expected for the time that it
// would be kept, as far as blocks like it have shown.
//
// Blocks are alike when their last uses were: how many there had been of late, whether it was long after the one
// before, and how far the block was from the start and from the end of its text. For each kind of use and each age, how
// many reached that age without another use and how many were used again at it are counted, of all blocks that are
// asked for, whether they are in the cache or not; so nothing is learned from the policy's own choices. The worth of a
// kind at an age is its Gittins index: the most uses per block and time that keeping it on can bring. A victim is the
// least worth of some that are drawn, so it costs the same however large the cache is. All is forgotten by and by.
// Thread rule: one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/random.h"
#include "kv/index/id_map.h"
#include "kv/policy/eviction_policy.h"

namespace pumice {

class LearnedPolicy final : public EvictionPolicy {
 public:
  LearnedPolicy(uint32_t capacity, uint64_t seed);

  void request(std::span<const BlockInfo> chain) override;
  void extend(const BlockInfo& block) override;
  void inserted(NodeId node, const BlockInfo& block) override;
  void touched(NodeId) override {}
  void removed(NodeId node) override { set_evictable(node, false); }
  void set_evictable(NodeId node, bool evictable) override;
  NodeId victim(const Evictable& filter) override;
  void set_capacity(uint32_t) override {}  // what was learned stays, and ages are measured as before
  PolicyKind leader() const override { return PolicyKind::kLearned; }
  std::vector<LearnedKind> learned() const override;

 private:
  // Where the classes of each feature begin.
  static constexpr std::array<uint32_t, 6> kUses = {1, 2, 4, 8, 16, 32};
  static constexpr std::array<uint32_t, 3> kDepths = {0, 1, 8}, kFromEnd = {0, 1, 4};
  static constexpr uint32_t kKinds = 2 * kUses.size() * kDepths.size() * kFromEnd.size();
  static constexpr uint32_t kLate = 16;                      // age: a use that comes so long after the one before
  static constexpr uint32_t kAges = 20, kForgotten = kAges;  // half octaves; older than that: as if never seen
  static constexpr uint32_t kAbsent = UINT32_MAX;
  static constexpr uint64_t kNever = 0;

  // Numbered from 1 on; the last `horizon_` are known.
  struct Use {
    uint64_t id = 0, number = kNever;
    uint32_t uses = 0;  // of the block, this one included
    uint8_t kind = 0;
    bool late = false;
    bool last = false;  // of the block so far
  };
  struct Candidate {
    uint64_t use = kNever;
    NodeId node = kNoNode;
    uint8_t kind = 0;
  };
  struct Node {
    uint64_t id = 0;
    uint32_t place = kAbsent;  // in evictable_
  };
  using PerKind = std::array<std::array<double, kAges + 1>, kKinds>;

  size_t place_of(uint64_t number) const { return (number - 1) % horizon_; }  // in uses_
  const Use* last_use(uint64_t id) const;                                     // nullptr: none that is known
  static uint8_t kind_of(uint32_t uses, bool late, uint32_t depth, size_t from_end);
  uint32_t age_after(uint64_t uses_of_any) const;
  uint32_t age_of(uint64_t number) const { return age_after(now_ - number); }
  void count_use(const BlockInfo& block, size_t from_end);
  void add(Use use);
  void learn();
  void learn_chances(uint32_t age);
  void learn_worth(uint32_t kind);

  uint64_t horizon_;                        // uses that are known
  float scale_;                             // of ages
  std::array<uint64_t, kAges + 1> ages_{};  // where each begins, in uses of any blocks
  uint64_t now_ = 0;                        // number of the last use
  uint64_t learn_every_, learn_at_ = 0, fade_every_, fade_at_;
  std::vector<Use> uses_;
  IdMap<uint64_t> last_use_;                              // its number
  PerKind reached_{}, returned_{}, chances_{}, worth_{};  // chances_: of a use at that age
  std::vector<Node> nodes_;
  std::vector<Candidate> evictable_;
  SplitMix random_;
};

}  // namespace pumice
