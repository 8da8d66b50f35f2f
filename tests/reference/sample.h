// The sampler: biases, penalties, then top-k, top-p and min-p, then a draw by the Gumbel-max trick with a counter-based
// generator. The token is a function of logits, window, parameters and position alone, whatever the order of
// evaluation.
//
//   0. biases      what a token has is added to its logit; a finite one stays finite
//      mask        a token whose bit is not set is -infinity, if it was finite
//   1. penalties   each distinct token t of the window, which holds it c times:
//                  l = l > 0 ? l / repeat : l * repeat; then l -= c * frequency + presence; a finite l stays finite
//   2. greedy      temperature <= 0: the argmax of the penalised logits, lowest id on ties
//   3. top-k       survivors are all l >= the k-th largest value
//   4. top-p       over the survivors, untempered: p_i = exp(l_i - max) / Z, w_i = uint32(p_i * 2^31); the threshold is
//                  the largest value v for which the sum of w over l >= v reaches uint32(top_p * 2^31); survivors
//                  are all l >= v, at least the maximum; all, where the sum is never reached
//   5. min-p       survivors are all l_i >= max + log(min_p)
//   6. draw        the survivor with the largest l_i / temperature - log(-log(u_i)), lowest id on ties, with
//                  u_i = ((h_i >> 8) + 0.5) * 2^-24, h_i the first word of pcg4d(seed low, seed high, position, i)
//
// Step 6 is meant in real numbers. In 32-bit floats (h_i >> 8) + 0.5 rounds to 2^24 for the largest h_i, whose score
// would be infinite, and log is inexact near 1, where the winners are: take 1 - u_i = ((0xffffff - (h_i >> 8)) + 0.5) *
// 2^-24 and the series of -log(1 - x) for small x instead. Logits that are not finite (argmax.h) draw kNotFinite.
// Sources: M. Jarzynski and M. Olano, Hash Functions for GPU Rendering, JCGT 9(3), 2020 (pcg4d); E. J. Gumbel,
// Statistical Theory of Extreme Values (1954). Thread rule: pure functions.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <span>
#include <vector>

#include "argmax.h"

namespace pumice::reference {

struct SampleParams {
  float temperature = 1.0f;     // <= 0: greedy
  uint32_t top_k = 0;           // 0: off
  float top_p = 1.0f;           // >= 1: off
  float min_p = 0.0f;           // <= 0: off; above 1 counts as 1
  float repeat_penalty = 1.0f;  // 1: off
  float frequency_penalty = 0.0f;
  float presence_penalty = 0.0f;
  uint64_t seed = 0;
};

// Margins say how far the inputs are from another outcome; a test with inexact logits skips those with small ones.
struct SampleResult {
  uint32_t token = 0;
  double margin = 0.0;  // the best score less the second; logits where greedy; infinite with one candidate
  double top_k_margin = std::numeric_limits<double>::infinity();  // logits from the threshold to the next value below
  double top_p_margin = std::numeric_limits<double>::infinity();  // probability mass to the nearest other threshold
  double min_p_margin = std::numeric_limits<double>::infinity();  // logits from the threshold to the nearest value
  std::vector<double> probabilities;  // (vocab) of the draw; 0 for those that did not survive
};

inline std::array<uint32_t, 4> pcg4d(std::array<uint32_t, 4> v) {
  for (uint32_t& word : v) word = word * 1664525u + 1013904223u;
  const auto mix = [&v] {
    v[0] += v[1] * v[3];
    v[1] += v[2] * v[0];
    v[2] += v[0] * v[1];
    v[3] += v[1] * v[2];
  };
  mix();
  for (uint32_t& word : v) word ^= word >> 16;
  mix();
  return v;
}

// u_i of the draw; strictly between 0 and 1.
inline double sample_uniform(uint64_t seed, uint32_t position, uint32_t token) {
  const uint32_t h = pcg4d({static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32), position, token})[0];
  return std::ldexp(static_cast<double>(h >> 8) + 0.5, -24);
}

// Step 1. Tokens outside the vocabulary are ignored.
inline std::vector<float> penalised_logits(std::span<const float> logits, std::span<const uint32_t> window,
                                           const SampleParams& params) {
  std::vector<float> l(logits.begin(), logits.end());
  std::map<uint32_t, uint32_t> counts;
  for (const uint32_t token : window) ++counts[token];
  for (const auto& [token, count] : counts) {
    if (token >= l.size() || !std::isfinite(l[token])) continue;
    float& value = l[token];
    value = value > 0.0f ? value / params.repeat_penalty : value * params.repeat_penalty;
    value -= static_cast<float>(count) * params.frequency_penalty + params.presence_penalty;
    value = std::clamp(value, std::numeric_limits<float>::lowest(), std::numeric_limits<float>::max());
  }
  return l;
}

// Step 3: the threshold, -infinity where the step is off. `sorted` descends.
inline float top_k_threshold(std::span<const float> sorted, uint32_t top_k, double& margin) {
  if (top_k == 0 || top_k >= sorted.size()) return -std::numeric_limits<float>::infinity();
  const float threshold = sorted[top_k - 1];
  const auto below = std::upper_bound(sorted.begin(), sorted.end(), threshold, std::greater<float>());
  if (below != sorted.end()) margin = static_cast<double>(threshold) - static_cast<double>(*below);
  return threshold;
}

// Step 4: the threshold among the survivors of step 3. `sorted` descends and holds survivors only.
inline float top_p_threshold(std::span<const float> sorted, float top_p, double& margin) {
  if (top_p >= 1.0f) return -std::numeric_limits<float>::infinity();
  const auto target = static_cast<uint64_t>(std::ldexp(std::max(0.0, static_cast<double>(top_p)), 31));
  const double top = sorted[0];
  double z = 0.0;
  for (const float value : sorted) z += std::exp(static_cast<double>(value) - top);
  uint64_t sum = 0;
  for (size_t i = 0; i < sorted.size();) {
    const uint64_t before = sum;
    size_t end = i;
    for (; end < sorted.size() && sorted[end] == sorted[i]; ++end) {
      sum += static_cast<uint32_t>(std::ldexp(std::exp(static_cast<double>(sorted[end]) - top) / z, 31));
    }
    if (sum >= target || end == sorted.size()) {
      const double infinite = std::numeric_limits<double>::infinity();
      const double down = i == 0 ? infinite : static_cast<double>(target) - static_cast<double>(before);
      const double up = end == sorted.size() ? infinite : static_cast<double>(sum) - static_cast<double>(target);
      margin = std::ldexp(std::min(down, up), -31);
      return sorted[i];
    }
    i = end;
  }
  return -std::numeric_limits<float>::infinity();
}

// Steps 3 to 5: -infinity for every token that does not survive.
inline void keep_survivors(std::vector<float>& l, const SampleParams& params, SampleResult& result) {
  const float none = -std::numeric_limits<float>::infinity();
  std::vector<float> sorted = l;
  std::sort(sorted.begin(), sorted.end(), std::greater<float>());
  const auto cut = [&sorted](double threshold) {
    while (sorted.size() > 1 && static_cast<double>(sorted.back()) < threshold) sorted.pop_back();
  };
  cut(std::numeric_limits<float>::lowest());
  cut(top_k_threshold(sorted, params.top_k, result.top_k_margin));
  cut(top_p_threshold(sorted, params.top_p, result.top_p_margin));
  if (params.min_p > 0.0f) {
    const double least = static_cast<double>(sorted[0]) + std::log(std::min(1.0, static_cast<double>(params.min_p)));
    for (const float value : sorted) {
      if (value == sorted[0]) continue;  // the maximum survives whatever the threshold
      result.min_p_margin = std::min(result.min_p_margin, std::fabs(static_cast<double>(value) - least));
    }
    cut(least);
  }
  for (float& value : l) {
    if (value < sorted.back()) value = none;
  }
}

inline void draw(std::span<const float> l, const SampleParams& params, uint32_t position, SampleResult& result) {
  const double temperature = params.temperature;
  const double infinite = std::numeric_limits<double>::infinity();
  const double top = l[argmax(l)];
  double best = -infinite;
  double second = -infinite;
  double z = 0.0;
  for (size_t i = 0; i < l.size(); ++i) {
    if (std::isinf(l[i])) continue;
    const double scaled = static_cast<double>(l[i]) / temperature;
    const double u = sample_uniform(params.seed, position, static_cast<uint32_t>(i));
    const double score = scaled - std::log(-std::log(u));
    if (score > best) result.token = static_cast<uint32_t>(i);
    second = std::max(second, std::min(best, score));
    best = std::max(best, score);
    z += result.probabilities[i] = std::exp(scaled - top / temperature);
  }
  for (double& p : result.probabilities) p /= z;
  result.margin = best - second;
}

// Step 0. Of each token and what it has.
inline std::vector<float> biased_logits(std::span<const float> logits,
                                        std::span<const std::pair<uint32_t, float>> biases) {
  std::vector<float> l(logits.begin(), logits.end());
  for (const auto& [token, value] : biases)
    if (token < l.size() && std::isfinite(l[token]))
      l[token] = std::clamp(l[token] + value, std::numeric_limits<float>::lowest(), std::numeric_limits<float>::max());
  return l;
}

// Step 0. One bit for each token, in words of 32.
inline std::vector<float> masked_logits(std::span<const float> logits, std::span<const uint32_t> mask) {
  std::vector<float> l(logits.begin(), logits.end());
  for (size_t i = 0; i < l.size(); ++i)
    if (std::isfinite(l[i]) && !(mask[i / 32] >> (i % 32) & 1)) l[i] = -std::numeric_limits<float>::infinity();
  return l;
}

// logits (vocab); window: the last penalty_window tokens of prompt and generated text; position: of the token to draw.
inline SampleResult sample(std::span<const float> logits, std::span<const uint32_t> window, const SampleParams& params,
                           uint32_t position) {
  SampleResult result;
  result.probabilities.assign(logits.size(), 0.0);
  std::vector<float> l = penalised_logits(logits, window, params);
  result.token = argmax(l);
  if (result.token == kNotFinite) {
    result.margin = std::numeric_limits<double>::infinity();
    return result;
  }
  if (params.temperature <= 0.0f) {
    double second = -std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < l.size(); ++i) {
      if (i != result.token) second = std::max(second, static_cast<double>(l[i]));
    }
    result.margin = static_cast<double>(l[result.token]) - second;
    result.probabilities[result.token] = 1.0;
    return result;
  }
  keep_survivors(l, params, result);
  draw(l, params, position, result);
  return result;
}

}  // namespace pumice::reference
