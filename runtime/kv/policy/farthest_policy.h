// FarthestPolicy: evicts the block that is used again last; only for replays, where the future is known. No policy can
// do much better, so it says how much there is to gain. Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kv/index/id_map.h"
#include "kv/policy/ranked_policy.h"

namespace pumice {

// For each block of a trace (see ReplayTrace), the next request that uses it; UINT32_MAX: none.
std::vector<uint64_t> next_uses_of(std::span<const uint64_t> blocks, std::span<const uint64_t> offsets);

class FarthestPolicy final : public RankedPolicy {
 public:
  // next_uses: of the blocks of the requests in their order; must outlive the policy.
  FarthestPolicy(std::span<const uint64_t> next_uses, uint32_t capacity)
      : RankedPolicy(PolicyKind::kLru, capacity), coming_(next_uses) {}

  void request(std::span<const BlockInfo> chain) override {
    RankedPolicy::request(chain);
    for (size_t i = 0; i < chain.size(); ++i) next_use_[chain[i].id] = coming_[i];
    coming_ = coming_.subspan(chain.size());
  }

 private:
  Rank rank(const Use& use) const override {
    const uint64_t* next = next_use_.find(use.block.id);
    return {.value = next ? -static_cast<double>(*next) : 0, .tie = recency(use.request, use.block.depth)};
  }

  std::span<const uint64_t> coming_;  // from the next request on
  IdMap<uint64_t> next_use_;
};

}  // namespace pumice
