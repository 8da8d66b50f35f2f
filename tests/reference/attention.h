// Attention with grouped query heads over dense K and V: y = softmax(scale * q K^T) V, where a row sees keys
// 0..position of its own sequence, or both ways all of them, and query head h reads KV head h / (heads / kv_heads).
// Source: A. Vaswani et al., Attention Is All You Need (2017); J. Ainslie et al., GQA (2023).
// Thread rule: a pure function.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "matvec.h"

namespace pumice::reference {

struct AttentionArgs {
  std::span<const float> q;               // (rows, heads, head_dim)
  std::span<const uint32_t> positions;    // (rows), absolute
  std::vector<std::span<const float>> k;  // per row (tokens, kv_heads, head_dim); a single one serves all rows
  std::vector<std::span<const float>> v;  // per row (tokens, kv_heads, value_dim); a single one serves all rows
  size_t heads = 0;
  size_t kv_heads = 0;
  size_t head_dim = 0;
  size_t value_dim = 0;  // 0: head_dim
  float scale = 1.0f;
  size_t window = 0;              // a row sees the keys less than this many positions back; 0: all
  bool chunks = false;            // instead, those since the last multiple of window
  float softcap = 0.0f;           // scores become softcap * tanh(score / softcap); 0: they do not
  bool both_ways = false;         // a row sees all keys that there are, in a window as far ahead as back
  std::span<const float> slopes;  // (heads): what scores fall by for each position to the key; or empty
  std::span<const float>
      biases;  // (heads, 2 reach + 1): added by the position of the key less that of the row; or empty
  std::span<const float> sinks;  // (heads): logits that take part in the softmax without a value; or empty
};

// What scores fall by for each position to the key: of heads that are no power of two, the even ones of twice as many
// follow. Source: O. Press et al., ALiBi (2022).
inline std::vector<float> alibi_slopes(uint32_t heads, float alibi) {
  std::vector<float> slopes;
  double count = 1;
  while (2 * count <= heads) count *= 2;
  for (double head = 1; head <= heads; ++head) {
    const double exponent = head <= count ? head / count : (2 * (head - count) - 1) / (2 * count);
    slopes.push_back(static_cast<float>(std::pow(2, -exponent * static_cast<double>(alibi))));
  }
  return slopes;
}

// One query head of a position over the keys of its KV head that it sees; adds nothing to y but the result, y
// (value_dim).
inline void attend(const AttentionArgs& args, std::span<const float> q, std::span<const float> k,
                   std::span<const float> v, size_t position, size_t head, std::span<float> y) {
  const size_t value_dim = y.size(), kv_head = head / (args.heads / args.kv_heads);
  const size_t keys = args.both_ways ? k.size() / (args.kv_heads * args.head_dim) : position + 1;
  std::vector<double> weights(keys);
  double top = -std::numeric_limits<double>::infinity();
  for (size_t t = 0; t < keys; ++t) {
    const std::span<const float> key = k.subspan((t * args.kv_heads + kv_head) * args.head_dim, args.head_dim);
    weights[t] = static_cast<double>(args.scale) * dot(q, key);
    const double cap = static_cast<double>(args.softcap);
    if (cap != 0) weights[t] = cap * std::tanh(weights[t] / cap);
    const size_t distance = t > position ? t - position : position - t;
    const size_t reach = args.chunks ? position % args.window + 1 : args.window;
    if (!args.biases.empty()) {
      const size_t width = args.biases.size() / args.heads, far = std::min(distance, width / 2);
      const size_t at = t > position ? width / 2 + far : width / 2 - far;
      weights[t] += static_cast<double>(args.biases[head * width + at]);
    }
    if (!args.slopes.empty()) weights[t] -= static_cast<double>(args.slopes[head]) * static_cast<double>(distance);
    if (args.window != 0 && distance >= reach) weights[t] = -std::numeric_limits<double>::infinity();
    top = std::max(top, weights[t]);
  }
  double sum = args.sinks.empty() ? 0.0 : std::exp(static_cast<double>(args.sinks[head]) - top);
  for (double& weight : weights) sum += weight = std::exp(weight - top);
  std::vector<double> total(value_dim, 0.0);
  for (size_t t = 0; t < keys; ++t) {
    for (size_t i = 0; i < value_dim; ++i) {
      total[i] += weights[t] * static_cast<double>(v[(t * args.kv_heads + kv_head) * value_dim + i]);
    }
  }
  for (size_t i = 0; i < value_dim; ++i) y[i] = static_cast<float>(total[i] / sum);
}

// y (rows, heads, value_dim).
inline std::vector<float> attention(const AttentionArgs& args) {
  const size_t rows = args.positions.size();
  const size_t value_dim = args.value_dim == 0 ? args.head_dim : args.value_dim;
  std::vector<float> y(rows * args.heads * value_dim);
  for (size_t row = 0; row < rows; ++row) {
    const std::span<const float> k = args.k[args.k.size() == 1 ? 0 : row];
    const std::span<const float> v = args.v[args.v.size() == 1 ? 0 : row];
    for (size_t head = 0; head < args.heads; ++head) {
      const size_t index = row * args.heads + head;
      attend(args, args.q.subspan(index * args.head_dim, args.head_dim), k, v, args.positions[row], head,
             std::span<float>(y).subspan(index * value_dim, value_dim));
    }
  }
  return y;
}

}  // namespace pumice::reference
