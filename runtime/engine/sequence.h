// Sequence: the tokens of one conversation and the pages that hold their keys and values.
#pragma once

#include <cstdint>
#include <vector>

#include "kv/kv_cache.h"

namespace pumice {

struct Sequence {
  uint32_t slot = 0;            // its row in the page table, the token log and the sampler table
  std::vector<int32_t> tokens;  // prompt and generated, by position
  uint32_t computed = 0;        // leading tokens whose keys and values are in the pages
  uint64_t dropped = 0;         // tokens that sliding has taken out, after the sinks
  PageList kv;
  bool busy = false;  // a request runs on it
};

}  // namespace pumice
