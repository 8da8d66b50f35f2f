#include "format/quantize.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/result.h"
#include "format/block_fit.h"
#include "format/half.h"
#include "format/quantize_k.h"

namespace pumice {
namespace {

constexpr int kSmallBlock = 32;

void store_half(uint8_t* to, float value) {
  const uint16_t half = float_to_half(value);
  std::memcpy(to, &half, sizeof half);
}
// Stores it and answers what a reader will see.
float stored_half(uint8_t* to, float value) {
  store_half(to, value);
  uint16_t half = 0;
  std::memcpy(&half, to, sizeof half);
  return half_to_float(half);
}

int code_of(float x, float inverse, int low, int high) {
  return static_cast<int>(std::min(std::max(static_cast<float>(low), nearest(x * inverse)), static_cast<float>(high)));
}
float inverse_of(float scale) { return scale != 0 ? 1 / scale : 0.0f; }

void pack_f32(const float* x, uint8_t* b) { std::memcpy(b, x, sizeof *x); }
void pack_f16(const float* x, uint8_t* b) { store_half(b, *x); }
void pack_bf16(const float* x, uint8_t* b) {
  const uint16_t bits = float_to_bf16(*x);
  std::memcpy(b, &bits, sizeof bits);
}

void pack_q8_0(const float* x, uint8_t* b) {
  float most = 0;
  for (int i = 0; i < kSmallBlock; ++i) most = std::max(most, std::fabs(x[i]));
  const float inverse = inverse_of(stored_half(b, most / 127));
  for (int i = 0; i < kSmallBlock; ++i)
    b[2 + i] = static_cast<uint8_t>(static_cast<int8_t>(code_of(x[i], inverse, -127, 127)));
}

void pack_q4_0(const float* x, uint8_t* b) {
  float weights[kSmallBlock];
  weigh<kSmallBlock>(x, weights);
  const float inverse = inverse_of(stored_half(b, fit_scale<kSmallBlock>(x, weights, -8, 7)));
  for (int i = 0; i < 16; ++i)
    b[2 + i] =
        static_cast<uint8_t>((code_of(x[i], inverse, -8, 7) + 8) | (code_of(x[i + 16], inverse, -8, 7) + 8) << 4);
}

// The fifth bits and the nibbles, as in Q5_0 and Q5_1.
void put_five_bits(const int* codes, uint8_t* high, uint8_t* nibbles) {
  uint32_t bits = 0;
  for (int i = 0; i < kSmallBlock; ++i) bits |= static_cast<uint32_t>(codes[i] >> 4) << i;
  std::memcpy(high, &bits, sizeof bits);
  for (int i = 0; i < 16; ++i) nibbles[i] = static_cast<uint8_t>((codes[i] & 15) | (codes[i + 16] & 15) << 4);
}

void pack_q5_0(const float* x, uint8_t* b) {
  float weights[kSmallBlock];
  weigh<kSmallBlock>(x, weights);
  const float inverse = inverse_of(stored_half(b, fit_scale<kSmallBlock>(x, weights, -16, 15)));
  int codes[kSmallBlock];
  for (int i = 0; i < kSmallBlock; ++i) codes[i] = code_of(x[i], inverse, -16, 15) + 16;
  put_five_bits(codes, b + 2, b + 6);
}

void pack_q5_1(const float* x, uint8_t* b) {
  float weights[kSmallBlock];
  weigh<kSmallBlock>(x, weights);
  const LineFit fit = fit_line<kSmallBlock>(x, weights, 31, false);
  const float inverse = inverse_of(stored_half(b, fit.scale)), offset = stored_half(b + 2, fit.offset);
  int codes[kSmallBlock];
  for (int i = 0; i < kSmallBlock; ++i) codes[i] = code_of(x[i] - offset, inverse, 0, 31);
  put_five_bits(codes, b + 4, b + 8);
}

struct Encoder {
  TensorType type;
  void (*pack)(const float* x, uint8_t* b);
};
constexpr Encoder kEncoders[] = {
    {TensorType::kF32, pack_f32},   {TensorType::kF16, pack_f16},   {TensorType::kBF16, pack_bf16},
    {TensorType::kQ8_0, pack_q8_0}, {TensorType::kQ4_0, pack_q4_0}, {TensorType::kQ5_0, pack_q5_0},
    {TensorType::kQ5_1, pack_q5_1}, {TensorType::kQ4_K, pack_q4_k}, {TensorType::kQ5_K, pack_q5_k},
    {TensorType::kQ6_K, pack_q6_k},
};
constexpr uint32_t kMostBlockValues = 256;

const Encoder* encoder_of(TensorType type) {
  const auto found = std::find_if(std::begin(kEncoders), std::end(kEncoders),
                                  [type](const Encoder& candidate) { return candidate.type == type; });
  return found != std::end(kEncoders) ? found : nullptr;
}

}  // namespace

bool can_quantize(TensorType type) { return encoder_of(type) != nullptr; }

void quantize_blocks(TensorType type, std::span<const float> values, std::span<std::byte> blocks) {
  const Encoder* encoder = encoder_of(type);
  PUMICE_CHECK(encoder);
  const TensorTypeInfo& info = *tensor_type_info(type);
  PUMICE_CHECK(values.size() % info.block_values == 0 &&
               blocks.size() == values.size() / info.block_values * info.block_bytes);
  auto* to = reinterpret_cast<uint8_t*>(blocks.data());
  float finite[kMostBlockValues];
  for (size_t at = 0; at < values.size(); at += info.block_values, to += info.block_bytes) {
    const float* from = values.data() + at;
    if (info.block_values > 1) {
      for (uint32_t i = 0; i < info.block_values; ++i) finite[i] = std::isfinite(from[i]) ? from[i] : 0.0f;
      from = finite;
    }
    encoder->pack(from, to);
  }
}

}  // namespace pumice
