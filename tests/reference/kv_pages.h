// Pages of the KV cache: where each value of a token lies, and what it is worth.
//
// A page holds 32 tokens of one layer as uint32 words. A head of a token has W words of values and S words of scales:
//   F32   W = head_dim
//   F16   W = head_dim / 2: dimension 2i in the low half of word i, 2i + 1 in the high half
//   Q8_0  W = head_dim / 4: the code of dimension 4i + b in byte b of word i; value = scale * (code - 128)
//   Q4_0  W = head_dim / 8: the code of dimension 8i + b in the low half of byte b of word i, of 8i + 4 + b in the high
//         half; value = scale * (code - 8)
//   scales (Q8_0 and Q4_0 alone): F16, one for 32 dimensions or what is left of the head, two a word as F16 values are
//   K pool, per page  [kv_head]{[W][32 tokens], [S][32 tokens]}
//   V pool, per page  [kv_head]{[32 tokens][W], [32 tokens][S]}
// Position t of a sequence lies in page page_table[t / 32], slot t % 32. Thread rule: pure functions.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "half.h"

namespace pumice::reference {

inline constexpr size_t kPageTokens = 32;
inline constexpr size_t kScaleDims = 32;

enum class KvType { kF32, kF16, kQ8_0, kQ4_0 };

struct KvLayout {
  size_t kv_heads = 0;
  size_t head_dim = 0;  // even; a multiple of 4 for Q8_0, of 8 for Q4_0
  KvType type = KvType::kF32;
  KvType v_type = type;

  static size_t values_a_word(KvType t) {
    return t == KvType::kF32 ? 1 : t == KvType::kF16 ? 2 : t == KvType::kQ8_0 ? 4 : 8;
  }
  static bool scaled(KvType t) { return t == KvType::kQ8_0 || t == KvType::kQ4_0; }
  size_t value_words(KvType t) const { return head_dim / values_a_word(t); }
  size_t scale_words(KvType t) const {
    const size_t scales = (head_dim + kScaleDims - 1) / kScaleDims;
    return scaled(t) ? (scales + 1) / 2 : 0;
  }
  size_t row_words(KvType t) const { return value_words(t) + scale_words(t); }
  size_t page_words(KvType t) const { return kv_heads * row_words(t) * kPageTokens; }
  // Word w of a head: its values' words, then its scales'.
  size_t k_word(uint32_t page, size_t kv_head, size_t w, size_t slot) const {
    return page * page_words(type) + (kv_head * row_words(type) + w) * kPageTokens + slot;
  }
  size_t v_word(uint32_t page, size_t kv_head, size_t w, size_t slot) const {
    const size_t head = page * page_words(v_type) + kv_head * row_words(v_type) * kPageTokens;
    const size_t values = value_words(v_type);
    if (w < values) return head + slot * values + w;
    return head + kPageTokens * values + slot * scale_words(v_type) + w - values;
  }
};

// A head's words, its values and its scales, apart from where they lie.
struct KvHead {
  KvType type = KvType::kF32;
  size_t head_dim = 0;
  std::vector<uint32_t> words;

  size_t values() const { return head_dim / KvLayout::values_a_word(type); }
  double scale(size_t dim) const {
    const size_t block = dim / kScaleDims;
    const uint32_t word = words[values() + block / 2];
    return static_cast<double>(half_to_float(static_cast<uint16_t>(block % 2 == 0 ? word & 0xffffu : word >> 16)));
  }
  uint32_t code(size_t dim) const {
    if (type == KvType::kQ8_0) return words[dim / 4] >> (8 * (dim % 4)) & 0xffu;
    return words[dim / 8] >> (8 * (dim % 4) + (dim % 8 < 4 ? 0 : 4)) & 0xfu;
  }
  int bias() const { return type == KvType::kQ8_0 ? 128 : 8; }
  float value(size_t dim) const {
    if (type == KvType::kF32) return std::bit_cast<float>(words[dim]);
    if (type == KvType::kF16)
      return half_to_float(static_cast<uint16_t>(dim % 2 == 0 ? words[dim / 2] & 0xffffu : words[dim / 2] >> 16));
    return static_cast<float>(scale(dim) * (static_cast<int>(code(dim)) - bias()));
  }
};

// The scale of a block: Q8_0's largest magnitude is 127 steps; Q4_0's value of largest magnitude (the positive one of
// two) is -8 steps.
inline double block_scale(KvType type, std::span<const float> block) {
  double extreme = 0;
  for (const float x : block) {
    const double value = static_cast<double>(x);
    if (std::fabs(value) > std::fabs(extreme) || (value > 0 && value == -extreme)) extreme = value;
  }
  return type == KvType::kQ8_0 ? std::fabs(extreme) / 127 : extreme / -8;
}

inline uint32_t nearest_code(KvType type, double value, double scale) {
  const double steps = scale == 0 ? 0 : value / scale;
  return type == KvType::kQ8_0 ? static_cast<uint32_t>(std::clamp(std::floor(steps + 128.5), 1.0, 255.0))
                               : static_cast<uint32_t>(std::clamp(std::floor(steps + 8.5), 0.0, 15.0));
}

inline KvHead pack_head(KvType type, std::span<const float> head) {
  const KvLayout layout{.kv_heads = 1, .head_dim = head.size(), .type = type};
  KvHead packed{type, head.size(), std::vector<uint32_t>(layout.row_words(type), 0)};
  const auto put_half = [&](size_t index, float value) {
    packed.words[index / 2] |= uint32_t{float_to_half(value)} << (16 * (index % 2));
  };
  if (KvLayout::scaled(type))
    for (size_t first = 0; first < head.size(); first += kScaleDims) {
      const auto block = head.subspan(first, std::min(kScaleDims, head.size() - first));
      put_half(2 * packed.values() + first / kScaleDims, static_cast<float>(block_scale(type, block)));
    }
  for (size_t d = 0; d < head.size(); ++d) {
    if (type == KvType::kF32) packed.words[d] = std::bit_cast<uint32_t>(head[d]);
    if (type == KvType::kF16) put_half(d, head[d]);
    if (!KvLayout::scaled(type)) continue;
    const uint32_t code = nearest_code(type, static_cast<double>(head[d]), packed.scale(d));
    if (type == KvType::kQ8_0) packed.words[d / 4] |= code << (8 * (d % 4));
    if (type == KvType::kQ4_0) packed.words[d / 8] |= code << (8 * (d % 4) + (d % 8 < 4 ? 0 : 4));
  }
  return packed;
}

// Stores k and v (rows, kv_heads, head_dim) of one sequence into its pages.
inline void store_pages(const KvLayout& layout, std::span<const float> k, std::span<const float> v,
                        std::span<const uint32_t> positions, std::span<const uint32_t> page_table,
                        std::span<uint32_t> k_pool, std::span<uint32_t> v_pool) {
  for (size_t row = 0; row < positions.size(); ++row) {
    const uint32_t page = page_table[positions[row] / kPageTokens];
    const size_t slot = positions[row] % kPageTokens;
    for (size_t head = 0; head < layout.kv_heads; ++head) {
      const size_t at = (row * layout.kv_heads + head) * layout.head_dim;
      const KvHead packed_k = pack_head(layout.type, k.subspan(at, layout.head_dim));
      for (size_t w = 0; w < packed_k.words.size(); ++w) k_pool[layout.k_word(page, head, w, slot)] = packed_k.words[w];
      const KvHead packed_v = pack_head(layout.v_type, v.subspan(at, layout.head_dim));
      for (size_t w = 0; w < packed_v.words.size(); ++w) v_pool[layout.v_word(page, head, w, slot)] = packed_v.words[w];
    }
  }
}

inline KvHead k_head(const KvLayout& layout, std::span<const uint32_t> k_pool, std::span<const uint32_t> page_table,
                     size_t position, size_t kv_head) {
  KvHead head{layout.type, layout.head_dim, {}};
  for (size_t w = 0; w < layout.row_words(layout.type); ++w)
    head.words.push_back(k_pool[layout.k_word(page_table[position / kPageTokens], kv_head, w, position % kPageTokens)]);
  return head;
}

inline KvHead v_head(const KvLayout& layout, std::span<const uint32_t> v_pool, std::span<const uint32_t> page_table,
                     size_t position, size_t kv_head) {
  KvHead head{layout.v_type, layout.head_dim, {}};
  for (size_t w = 0; w < layout.row_words(layout.v_type); ++w)
    head.words.push_back(v_pool[layout.v_word(page_table[position / kPageTokens], kv_head, w, position % kPageTokens)]);
  return head;
}

// Dense K or V (tokens, kv_heads, head_dim) of the first `tokens` positions.
inline std::vector<float> gather_k(const KvLayout& layout, std::span<const uint32_t> k_pool,
                                   std::span<const uint32_t> page_table, size_t tokens) {
  std::vector<float> dense;
  dense.reserve(tokens * layout.kv_heads * layout.head_dim);
  for (size_t t = 0; t < tokens; ++t)
    for (size_t head = 0; head < layout.kv_heads; ++head) {
      const KvHead words = k_head(layout, k_pool, page_table, t, head);
      for (size_t dim = 0; dim < layout.head_dim; ++dim) dense.push_back(words.value(dim));
    }
  return dense;
}

inline std::vector<float> gather_v(const KvLayout& layout, std::span<const uint32_t> v_pool,
                                   std::span<const uint32_t> page_table, size_t tokens) {
  std::vector<float> dense;
  dense.reserve(tokens * layout.kv_heads * layout.head_dim);
  for (size_t t = 0; t < tokens; ++t)
    for (size_t head = 0; head < layout.kv_heads; ++head) {
      const KvHead words = v_head(layout, v_pool, page_table, t, head);
      for (size_t dim = 0; dim < layout.head_dim; ++dim) dense.push_back(words.value(dim));
    }
  return dense;
}

}  // namespace pumice::reference
