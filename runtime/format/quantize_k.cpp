// Source: ggml's block definitions, as dequantize.cpp reads them.
#include "format/quantize_k.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "format/block_fit.h"
#include "format/half.h"
#include "format/quant_scales.h"

namespace pumice {
namespace {

constexpr int kSuperBlock = 256, kGroup = 32, kGroups = kSuperBlock / kGroup;

float put_half(uint8_t* to, float value) {
  const uint16_t half = float_to_half(value);
  std::memcpy(to, &half, sizeof half);
  return half_to_float(half);
}

int clamped(float value, int low, int high) {
  return static_cast<int>(std::min(std::max(static_cast<float>(low), nearest(value)), static_cast<float>(high)));
}

// The codes of the 256 values, each of 0 to `high`, after d, dmin and the scales have been put down.
void fit_groups(const float* x, int high, uint8_t* b, int* codes) {
  LineFit fits[kGroups];
  float most_scale = 0, most_min = 0;
  for (int g = 0; g < kGroups; ++g) {
    const float* group = x + kGroup * g;
    float weights[kGroup];
    weigh<kGroup>(group, weights);
    fits[g] = fit_line<kGroup>(group, weights, high, true);
    most_scale = std::max(most_scale, fits[g].scale);
    most_min = std::max(most_min, -fits[g].offset);
  }
  const float d = put_half(b, most_scale / 63), dmin = put_half(b + 2, most_min / 63);
  ScaleMin pairs[kGroups];
  for (int g = 0; g < kGroups; ++g)
    pairs[g] = {d > 0 ? clamped(fits[g].scale / d, 0, 63) : 0, dmin > 0 ? clamped(-fits[g].offset / dmin, 0, 63) : 0};
  put_scale_mins(pairs, b + 4);
  for (int v = 0; v < kSuperBlock; ++v) {
    const ScaleMin& pair = pairs[v / kGroup];
    const float scale = d * static_cast<float>(pair.scale), minimum = dmin * static_cast<float>(pair.min);
    codes[v] = scale > 0 ? clamped((x[v] + minimum) / scale, 0, high) : 0;
  }
}

}  // namespace

void pack_q4_k(const float* x, uint8_t* b) {
  int codes[kSuperBlock];
  fit_groups(x, 15, b, codes);
  for (int i = 0; i < kSuperBlock / 2; ++i) {
    const int* pair = codes + i / kGroup * 2 * kGroup + i % kGroup;
    b[16 + i] = static_cast<uint8_t>(pair[0] | pair[kGroup] << 4);
  }
}

void pack_q5_k(const float* x, uint8_t* b) {
  int codes[kSuperBlock];
  fit_groups(x, 31, b, codes);
  std::memset(b + 16, 0, kGroup);
  for (int v = 0; v < kSuperBlock; ++v) b[16 + v % kGroup] |= static_cast<uint8_t>((codes[v] >> 4) << (v / kGroup));
  for (int i = 0; i < kSuperBlock / 2; ++i) {
    const int* pair = codes + i / kGroup * 2 * kGroup + i % kGroup;
    b[48 + i] = static_cast<uint8_t>((pair[0] & 15) | (pair[kGroup] & 15) << 4);
  }
}

void pack_q6_k(const float* x, uint8_t* b) {
  constexpr int kSixteen = 16, kScales = kSuperBlock / kSixteen;
  float scales[kScales], farthest = 0;
  for (int g = 0; g < kScales; ++g) {
    float weights[kSixteen];
    weigh<kSixteen>(x + kSixteen * g, weights);
    scales[g] = fit_scale<kSixteen>(x + kSixteen * g, weights, -32, 31);
    if (std::fabs(scales[g]) > std::fabs(farthest)) farthest = scales[g];
  }
  const float d = put_half(b + 208, farthest / -128);
  std::memset(b, 0, 192);
  for (int g = 0; g < kScales; ++g) {
    const int scale = d != 0 ? clamped(scales[g] / d, -128, 127) : 0;
    b[192 + g] = static_cast<uint8_t>(static_cast<int8_t>(scale));
    const float factor = d * static_cast<float>(scale), inverse = factor != 0 ? 1 / factor : 0.0f;
    for (int i = 0; i < kSixteen; ++i) {
      const int v = kSixteen * g + i, code = clamped(x[v] * inverse, -32, 31) + 32;
      const int u = v / kGroup, half = u / 4, k = u % 4, at = v % kGroup;
      b[64 * half + k % 2 * 32 + at] |= static_cast<uint8_t>((code & 15) << (k / 2 * 4));
      b[128 + 32 * half + at] |= static_cast<uint8_t>((code >> 4) << (2 * k));
    }
  }
}

}  // namespace pumice
