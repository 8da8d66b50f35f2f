// From QKV rows to cached keys and values: rotates q and k, and stores k and v into the pages of two pools.
//
// A page holds 32 tokens of one layer as uint32 words; page p begins at word p * kv_heads * W * 32 of its pool, where W
// is head_dim / 2 for F16 (dimension 2i in the low half of word i, 2i + 1 in the high half) and head_dim for F32.
//   K pool, per page  [kv_head][W][32 tokens]
//   V pool, per page  [kv_head][32 tokens][W]
// Position t of a sequence lies in page page_table[t / 32], slot t % 32. Thread rule: pure functions.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "half.h"
#include "rope.h"

namespace pumice::reference {

inline constexpr size_t kPageTokens = 32;

enum class KvType { kF32, kF16 };

struct KvLayout {
  size_t kv_heads = 0;
  size_t head_dim = 0;  // even
  KvType type = KvType::kF32;

  size_t row_words() const { return type == KvType::kF16 ? head_dim / 2 : head_dim; }
  size_t page_words() const { return kv_heads * row_words() * kPageTokens; }
  size_t word_of(size_t dim) const { return type == KvType::kF16 ? dim / 2 : dim; }
  size_t k_word(uint32_t page, size_t kv_head, size_t dim, size_t slot) const {
    return page * page_words() + (kv_head * row_words() + word_of(dim)) * kPageTokens + slot;
  }
  size_t v_word(uint32_t page, size_t kv_head, size_t dim, size_t slot) const {
    return page * page_words() + (kv_head * kPageTokens + slot) * row_words() + word_of(dim);
  }
};

struct KvWriteArgs {
  std::span<const float> qkv;           // (rows, heads + 2 * kv_heads, head_dim): q heads, k heads, v heads
  std::span<const uint32_t> positions;  // (rows)
  size_t heads = 0;
  size_t kv_heads = 0;
  size_t head_dim = 0;
  RopePairing pairing = RopePairing::kAdjacent;
  std::span<const double> inverse_frequencies;  // empty: nothing is rotated
  KvType type = KvType::kF32;                   // kF16: k and v are rounded to f16
};

struct KvRows {
  std::vector<float> q;  // (rows, heads, head_dim), rotated, never rounded
  std::vector<float> k;  // (rows, kv_heads, head_dim), rotated
  std::vector<float> v;  // (rows, kv_heads, head_dim)
};

// The logical half: what each row leaves as its query and in the cache.
inline KvRows kv_write(const KvWriteArgs& args) {
  const size_t q_size = args.heads * args.head_dim;
  const size_t kv_size = args.kv_heads * args.head_dim;
  KvRows out;
  for (size_t row = 0; row < args.positions.size(); ++row) {
    const std::span<const float> all = args.qkv.subspan(row * (q_size + 2 * kv_size), q_size + 2 * kv_size);
    std::vector<float> q(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(q_size));
    const std::span<const float> k_in = all.subspan(q_size, kv_size);
    const std::span<const float> v_in = all.subspan(q_size + kv_size, kv_size);
    std::vector<float> k(k_in.begin(), k_in.end());
    std::vector<float> v(v_in.begin(), v_in.end());
    rope(q, args.heads, args.head_dim, args.positions[row], args.pairing, args.inverse_frequencies);
    rope(k, args.kv_heads, args.head_dim, args.positions[row], args.pairing, args.inverse_frequencies);
    if (args.type == KvType::kF16) {
      for (float& value : k) value = round_to_half(value);
      for (float& value : v) value = round_to_half(value);
    }
    out.q.insert(out.q.end(), q.begin(), q.end());
    out.k.insert(out.k.end(), k.begin(), k.end());
    out.v.insert(out.v.end(), v.begin(), v.end());
  }
  return out;
}

inline float unpack_word(const KvLayout& layout, uint32_t word, size_t dim) {
  if (layout.type == KvType::kF32) return std::bit_cast<float>(word);
  return half_to_float(static_cast<uint16_t>(dim % 2 == 0 ? word & 0xffffu : word >> 16));
}

inline void pack_word(const KvLayout& layout, uint32_t& word, size_t dim, float value) {
  if (layout.type == KvType::kF32) {
    word = std::bit_cast<uint32_t>(value);
    return;
  }
  const uint32_t half = float_to_half(value);
  word = dim % 2 == 0 ? (word & 0xffff0000u) | half : (word & 0xffffu) | (half << 16);
}

// The paged half: stores k and v (rows, kv_heads, head_dim) of one sequence into its pages.
inline void store_pages(const KvLayout& layout, std::span<const float> k, std::span<const float> v,
                        std::span<const uint32_t> positions, std::span<const uint32_t> page_table,
                        std::span<uint32_t> k_pool, std::span<uint32_t> v_pool) {
  for (size_t row = 0; row < positions.size(); ++row) {
    const uint32_t page = page_table[positions[row] / kPageTokens];
    const size_t slot = positions[row] % kPageTokens;
    for (size_t head = 0; head < layout.kv_heads; ++head) {
      for (size_t dim = 0; dim < layout.head_dim; ++dim) {
        const size_t at = (row * layout.kv_heads + head) * layout.head_dim + dim;
        pack_word(layout, k_pool[layout.k_word(page, head, dim, slot)], dim, k[at]);
        pack_word(layout, v_pool[layout.v_word(page, head, dim, slot)], dim, v[at]);
      }
    }
  }
}

// One logical value out of a K pool.
inline float read_k(const KvLayout& layout, std::span<const uint32_t> k_pool, std::span<const uint32_t> page_table,
                    size_t position, size_t kv_head, size_t dim) {
  const uint32_t page = page_table[position / kPageTokens];
  return unpack_word(layout, k_pool[layout.k_word(page, kv_head, dim, position % kPageTokens)], dim);
}

// One logical value out of a V pool.
inline float read_v(const KvLayout& layout, std::span<const uint32_t> v_pool, std::span<const uint32_t> page_table,
                    size_t position, size_t kv_head, size_t dim) {
  const uint32_t page = page_table[position / kPageTokens];
  return unpack_word(layout, v_pool[layout.v_word(page, kv_head, dim, position % kPageTokens)], dim);
}

// Dense K (tokens, kv_heads, head_dim) of the first `tokens` positions.
inline std::vector<float> gather_k(const KvLayout& layout, std::span<const uint32_t> k_pool,
                                   std::span<const uint32_t> page_table, size_t tokens) {
  std::vector<float> dense;
  dense.reserve(tokens * layout.kv_heads * layout.head_dim);
  for (size_t t = 0; t < tokens; ++t) {
    for (size_t head = 0; head < layout.kv_heads; ++head) {
      for (size_t dim = 0; dim < layout.head_dim; ++dim) {
        dense.push_back(read_k(layout, k_pool, page_table, t, head, dim));
      }
    }
  }
  return dense;
}

// Dense V (tokens, kv_heads, head_dim) of the first `tokens` positions.
inline std::vector<float> gather_v(const KvLayout& layout, std::span<const uint32_t> v_pool,
                                   std::span<const uint32_t> page_table, size_t tokens) {
  std::vector<float> dense;
  dense.reserve(tokens * layout.kv_heads * layout.head_dim);
  for (size_t t = 0; t < tokens; ++t) {
    for (size_t head = 0; head < layout.kv_heads; ++head) {
      for (size_t dim = 0; dim < layout.head_dim; ++dim) {
        dense.push_back(read_v(layout, v_pool, page_table, t, head, dim));
      }
    }
  }
  return dense;
}

}  // namespace pumice::reference
