// From QKV rows to cached keys and values: rotates q and k by position, multiplies them and v by Hadamard matrices
// where asked to, and rounds k and v as the cache does. Where they lie in pages: kv_pages.h. Thread rule: pure
// functions.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "hadamard.h"
#include "half.h"
#include "kv_pages.h"
#include "rope.h"

namespace pumice::reference {

struct KvWriteArgs {
  std::span<const float> qkv;           // (rows, heads + 2 * kv_heads, head_dim): q heads, k heads, v heads
  std::span<const uint32_t> positions;  // (rows)
  size_t heads = 0;
  size_t kv_heads = 0;
  size_t head_dim = 0;
  RopePairing pairing = RopePairing::kAdjacent;
  std::span<const double> inverse_frequencies;  // empty: nothing is rotated
  KvType type = KvType::kF32;                   // of k; kF16: rounded to f16; scaled types are left as they are
  KvType v_type = type;
  size_t k_rotation = 1;  // dimensions of a Hadamard block of q and k; 1: none
  size_t v_rotation = 1;
  // Queries are multiplied: their rotated dimensions by magnitude, all by 1 + temperature ln(floor(position / length) +
  // 1).
  double magnitude = 1, temperature = 0, temperature_length = 1;
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
    const double steps = std::floor(args.positions[row] / args.temperature_length) + 1;
    const double factor = 1 + args.temperature * std::log(steps);
    for (size_t i = 0; i < q.size(); ++i) {
      const bool rotated = i % args.head_dim < 2 * args.inverse_frequencies.size();
      q[i] = static_cast<float>(static_cast<double>(q[i]) * factor * (rotated ? args.magnitude : 1));
    }
    hadamard(q, args.k_rotation);
    hadamard(k, args.k_rotation);
    hadamard(v, args.v_rotation);
    if (args.type == KvType::kF16)
      for (float& value : k) value = round_to_half(value);
    if (args.v_type == KvType::kF16)
      for (float& value : v) value = round_to_half(value);
    out.q.insert(out.q.end(), q.begin(), q.end());
    out.k.insert(out.k.end(), k.begin(), k.end());
    out.v.insert(out.v.end(), v.begin(), v.end());
  }
  return out;
}

}  // namespace pumice::reference
