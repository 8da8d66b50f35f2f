// Keys of cached pages moved to earlier positions: page `source` with every key turned back by `shift` positions, as
// page `target`. Layout and rounding as in kv_write.h. Thread rule: pure functions.
#pragma once

#include "kv_write.h"

namespace pumice::reference {

struct PageMove {
  uint32_t source = 0, target = 0;
};

inline void kv_shift(const KvLayout& layout, std::span<uint32_t> k_pool, std::span<const PageMove> pages,
                     uint32_t shift, RopePairing pairing, std::span<const double> inverse_frequencies) {
  const std::vector<uint32_t> before(k_pool.begin(), k_pool.end());
  for (const PageMove& page : pages) {
    for (size_t token = 0; token < kPageTokens; ++token) {
      std::vector<float> key;  // (kv_heads, head_dim)
      for (size_t head = 0; head < layout.kv_heads; ++head)
        for (size_t dim = 0; dim < layout.head_dim; ++dim)
          key.push_back(unpack_word(layout, before[layout.k_word(page.source, head, dim, token)], dim));
      rope(key, layout.kv_heads, layout.head_dim, -static_cast<double>(shift), pairing, inverse_frequencies);
      for (size_t head = 0; head < layout.kv_heads; ++head)
        for (size_t dim = 0; dim < layout.head_dim; ++dim)
          pack_word(layout, k_pool[layout.k_word(page.target, head, dim, token)], dim,
                    key[head * layout.head_dim + dim]);
    }
  }
}

}  // namespace pumice::reference
