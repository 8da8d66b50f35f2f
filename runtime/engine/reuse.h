// What of a text may be found in the cache.
#pragma once

#include <span>

#include "engine/sequence.h"

namespace pumice {

// All tokens but the last, which is always computed, for its logits.
inline std::span<const int32_t> reusable(const Sequence& sequence) {
  return std::span(sequence.tokens).first(sequence.tokens.empty() ? 0 : sequence.tokens.size() - 1);
}

}  // namespace pumice
