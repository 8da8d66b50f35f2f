// Keys of cached pages moved to earlier positions: every key is turned back by `shift` positions. Keys are F32 or F16,
// rounded as kv_pages.h rounds them. Thread rule: pure functions.
#pragma once

#include "kv_pages.h"
#include "rope.h"

namespace pumice::reference {

inline void kv_shift(const KvLayout& layout, std::span<uint32_t> k_pool, std::span<const uint32_t> pages,
                     uint32_t shift, RopePairing pairing, std::span<const double> inverse_frequencies) {
  for (const uint32_t page : pages)
    for (size_t token = 0; token < kPageTokens; ++token)
      for (size_t head = 0; head < layout.kv_heads; ++head) {
        const KvHead packed = k_head(layout, k_pool, std::span(&page, 1), token, head);
        std::vector<float> key;
        for (size_t dim = 0; dim < layout.head_dim; ++dim) key.push_back(packed.value(dim));
        rope(key, 1, layout.head_dim, -static_cast<double>(shift), pairing, inverse_frequencies);
        const KvHead turned = pack_head(layout.type, key);
        for (size_t w = 0; w < turned.words.size(); ++w) k_pool[layout.k_word(page, head, w, token)] = turned.words[w];
      }
}

}  // namespace pumice::reference
