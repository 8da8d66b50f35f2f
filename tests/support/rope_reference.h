// Rotation by position as the reference names it, and its frequencies as a kernel binds them. Thread rule: pure
// functions.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "kernels/rope.h"
#include "reference/rope.h"

namespace pumice::test {

inline reference::RopePairing pairing_of(RopePairs pairs) {
  return pairs == RopePairs::kAdjacent ? reference::RopePairing::kAdjacent : reference::RopePairing::kHalf;
}

// One pair's at least, since a buffer is never empty.
inline std::vector<uint32_t> bound_frequencies(std::span<const double> inverse) {
  auto frequencies = rope_frequencies(inverse);
  frequencies.resize(std::max<size_t>(frequencies.size(), 2));
  return frequencies;
}

}  // namespace pumice::test
