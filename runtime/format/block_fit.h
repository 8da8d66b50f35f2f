// The factors that bring the values of a block nearest to integer codes: least squares over some candidates.
//
// Thread rule: pure functions.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace pumice {

// To the nearest integer, ties to even: exact below 2^22, and loops over it become vector code.
inline float nearest(float value) { return (value + 0x1.8p23f) - 0x1.8p23f; }

// How much each value's error counts: large ones matter more, and none is free.
template <int count>
void weigh(const float* x, float* weights) {
  float squares = 0;
  for (int i = 0; i < count; ++i) squares += x[i] * x[i];
  const float usual = std::sqrt(squares / count);
  for (int i = 0; i < count; ++i) weights[i] = usual + std::fabs(x[i]);
}

// Codes that lie on a line: value = scale * code + offset.
struct LineFit {
  float scale = 0, offset = 0;
};

// value = scale * code for codes of `low` to `high`, of which |low| is the larger: the value that is farthest from 0
// has the code `low` or one near it.
template <int count>
float fit_scale(const float* x, const float* weights, int low, int high) {
  float farthest = 0;
  for (int i = 0; i < count; ++i)
    if (std::fabs(x[i]) > std::fabs(farthest)) farthest = x[i];
  if (std::fabs(farthest) < 1e-20f) return 0;
  const float least = static_cast<float>(low), most = static_cast<float>(high);
  float best = 0, scale = farthest / least;
  for (int step = -9; step <= 9; ++step) {
    const float inverse = (least - 0.1f * static_cast<float>(step)) / farthest;
    float products = 0, squares = 0;
    for (int i = 0; i < count; ++i) {
      const float code = std::min(std::max(nearest(x[i] * inverse), least), most);
      products += weights[i] * x[i] * code;
      squares += weights[i] * code * code;
    }
    // What this lessens the error by, compared with no codes at all.
    if (squares > 0 && products * products > best * squares) {
      best = products * products / squares;
      scale = products / squares;
    }
  }
  return scale;
}

// value = scale * code + offset for codes of 0 to `high`. With `offset_below`, of formats that can only subtract one,
// the offset is at most 0.
template <int count>
LineFit fit_line(const float* x, const float* weights, int high, bool offset_below) {
  float least = x[0], most = x[0], sum_w = 0, sum_x = 0;
  for (int i = 0; i < count; ++i) {
    least = std::min(least, x[i]);
    most = std::max(most, x[i]);
    sum_w += weights[i];
    sum_x += weights[i] * x[i];
  }
  if (offset_below) least = std::min(least, 0.0f);
  if (most - least < 1e-20f) return {0, least};
  const float top = static_cast<float>(high);
  LineFit best{(most - least) / top, least};
  float best_error = INFINITY;
  for (int step = -10; step <= 10; ++step) {
    const float inverse = (top + 0.1f * static_cast<float>(step)) / (most - least);
    float codes[count];
    float sum_q = 0, sum_qq = 0, sum_xq = 0;
    for (int i = 0; i < count; ++i) {
      codes[i] = std::min(std::max(nearest((x[i] - least) * inverse), 0.0f), top);
      const float weighted = weights[i] * codes[i];
      sum_q += weighted;
      sum_qq += weighted * codes[i];
      sum_xq += weighted * x[i];
    }
    const float determinant = sum_w * sum_qq - sum_q * sum_q;
    if (!(determinant > 0)) continue;
    LineFit fit{(sum_w * sum_xq - sum_x * sum_q) / determinant, (sum_qq * sum_x - sum_q * sum_xq) / determinant};
    if (offset_below && fit.offset > 0) fit = {sum_xq / sum_qq, 0};
    float error = 0;
    for (int i = 0; i < count; ++i) {
      const float difference = fit.scale * codes[i] + fit.offset - x[i];
      error += weights[i] * difference * difference;
    }
    if (error < best_error) {
      best_error = error;
      best = fit;
    }
  }
  return best;
}

}  // namespace pumice
