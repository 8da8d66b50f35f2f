#include "kv/policy/farthest_policy.h"

namespace pumice {

std::vector<uint64_t> next_uses_of(std::span<const uint64_t> blocks, std::span<const uint64_t> offsets) {
  std::vector<uint64_t> next_uses(blocks.size());
  IdMap<uint64_t> next;
  for (size_t request = offsets.size() - 1; request-- > 0;) {
    const auto use_of = [&](uint64_t i) -> uint64_t& { return next[blocks[i] + 1 != 0 ? blocks[i] + 1 : 1]; };
    for (uint64_t i = offsets[request]; i < offsets[request + 1]; ++i) {
      const uint64_t use = use_of(i);
      next_uses[i] = use != 0 ? use - 1 : UINT32_MAX;
    }
    for (uint64_t i = offsets[request]; i < offsets[request + 1]; ++i) use_of(i) = request + 1;
  }
  return next_uses;
}

}  // namespace pumice
