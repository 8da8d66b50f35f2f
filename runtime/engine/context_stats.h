// What a context has done so far; its parts count, each what it does.
#pragma once

#include <cstdint>

namespace pumice {

struct ContextStats {
  uint64_t prefill_tokens = 0, decode_tokens = 0, cached_tokens = 0, submissions = 0;
  uint64_t guessed_tokens = 0, accepted_tokens = 0;  // by Speculation
  double host_seconds_decode = 0;
};

}  // namespace pumice
