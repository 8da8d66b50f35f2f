#include "format/dequantize.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "format/code_values.h"
#include "format/coded_block.h"
#include "format/half.h"
#include "format/quant_scales.h"

namespace pumice {
namespace {

using Bytes = const uint8_t*;

uint32_t load_u32(Bytes at) {
  uint32_t value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

uint16_t load_u16(Bytes at) {
  uint16_t value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

float load_half(Bytes at) { return half_to_float(load_u16(at)); }

// Each function decodes one block. Blocks of 32: low nibbles are values 0 to 15, high nibbles 16 to 31.

void f32(Bytes b, float* y) { std::memcpy(y, b, 4); }
void f16(Bytes b, float* y) { *y = load_half(b); }
void bf16(Bytes b, float* y) { *y = bf16_to_float(load_u16(b)); }

void q4_0(Bytes b, float* y) {
  const float d = load_half(b);
  for (int i = 0; i < 16; ++i) {
    y[i] = d * static_cast<float>((b[2 + i] & 15) - 8);
    y[i + 16] = d * static_cast<float>((b[2 + i] >> 4) - 8);
  }
}

void q4_1(Bytes b, float* y) {
  const float d = load_half(b), m = load_half(b + 2);
  for (int i = 0; i < 16; ++i) {
    y[i] = d * static_cast<float>(b[4 + i] & 15) + m;
    y[i + 16] = d * static_cast<float>(b[4 + i] >> 4) + m;
  }
}

// The 4-byte field `high` holds the fifth bit of value i as bit i.
void q5_0(Bytes b, float* y) {
  const float d = load_half(b);
  const uint32_t high = load_u32(b + 2);
  for (int i = 0; i < 16; ++i) {
    const int lo = (b[6 + i] & 15) | static_cast<int>((high >> i) & 1) << 4;
    const int hi = (b[6 + i] >> 4) | static_cast<int>((high >> (i + 16)) & 1) << 4;
    y[i] = d * static_cast<float>(lo - 16);
    y[i + 16] = d * static_cast<float>(hi - 16);
  }
}

void q5_1(Bytes b, float* y) {
  const float d = load_half(b), m = load_half(b + 2);
  const uint32_t high = load_u32(b + 4);
  for (int i = 0; i < 16; ++i) {
    const int lo = (b[8 + i] & 15) | static_cast<int>((high >> i) & 1) << 4;
    const int hi = (b[8 + i] >> 4) | static_cast<int>((high >> (i + 16)) & 1) << 4;
    y[i] = d * static_cast<float>(lo) + m;
    y[i + 16] = d * static_cast<float>(hi) + m;
  }
}

void q8_0(Bytes b, float* y) {
  const float d = load_half(b);
  for (int i = 0; i < 32; ++i) y[i] = d * static_cast<float>(static_cast<int8_t>(b[2 + i]));
}

// Superblocks of 256 values.

// 16 bytes of scale (low nibble) and minimum (high nibble) of 16 values each; 64 bytes of 2-bit values; d, dmin.
void q2_k(Bytes b, float* y) {
  const Bytes scales = b, quants = b + 16;
  const float d = load_half(b + 80), dmin = load_half(b + 82);
  for (int s = 0; s < 16; ++s) {
    const float scale = d * static_cast<float>(scales[s] & 15), minimum = dmin * static_cast<float>(scales[s] >> 4);
    const Bytes from = quants + s / 8 * 32 + s % 2 * 16;
    for (int i = 0; i < 16; ++i) y[16 * s + i] = scale * static_cast<float>((from[i] >> (s % 8 / 2 * 2)) & 3) - minimum;
  }
}

// 32 bytes of third bits (bit v / 32 of byte v % 32; a clear bit subtracts 4); 64 bytes of 2-bit values as in Q2_K; 12
// bytes with 16 scales of 6 bits, biased by 32; d.
void q3_k(Bytes b, float* y) {
  const Bytes high = b, quants = b + 32, scales = b + 96;
  const float d = load_half(b + 108);
  for (int s = 0; s < 16; ++s) {
    const int low = s < 8 ? scales[s] & 15 : scales[s - 8] >> 4;
    const int top = (scales[8 + s % 4] >> (s / 4 * 2)) & 3;
    const float scale = d * static_cast<float>((low | top << 4) - 32);
    const Bytes from = quants + s / 8 * 32 + s % 2 * 16, third = high + s % 2 * 16;
    for (int i = 0; i < 16; ++i) {
      const int low_bits = (from[i] >> (s % 8 / 2 * 2)) & 3;
      const int clear = ~(third[i] >> (s / 2)) & 1;
      y[16 * s + i] = scale * static_cast<float>(low_bits - 4 * clear);
    }
  }
}

// d, dmin; 12 bytes of scales (quant_scales.h); then per 64 values 32 bytes: low nibbles first, then high nibbles.
void q4_k(Bytes b, float* y) {
  const float d = load_half(b), dmin = load_half(b + 2);
  for (int u = 0; u < 8; ++u) {
    const ScaleMin sm = k_scale_min(b + 4, u);
    const float scale = d * static_cast<float>(sm.scale), minimum = dmin * static_cast<float>(sm.min);
    const Bytes quants = b + 16 + u / 2 * 32;
    for (int i = 0; i < 32; ++i) y[32 * u + i] = scale * static_cast<float>((quants[i] >> (u % 2 * 4)) & 15) - minimum;
  }
}

// As Q4_K with 32 bytes of fifth bits between scales and nibbles: bit u of byte i for value 32 u + i.
void q5_k(Bytes b, float* y) {
  const float d = load_half(b), dmin = load_half(b + 2);
  const Bytes high = b + 16;
  for (int u = 0; u < 8; ++u) {
    const ScaleMin sm = k_scale_min(b + 4, u);
    const float scale = d * static_cast<float>(sm.scale), minimum = dmin * static_cast<float>(sm.min);
    const Bytes quants = b + 48 + u / 2 * 32;
    for (int i = 0; i < 32; ++i) {
      const int q = ((quants[i] >> (u % 2 * 4)) & 15) | ((high[i] >> u) & 1) << 4;
      y[32 * u + i] = scale * static_cast<float>(q) - minimum;
    }
  }
}

// 128 bytes of low nibbles, 64 bytes of upper bit pairs, 16 signed scales, d. Per 128 values (4 units of 32): units 0
// and 1 are the low nibbles of 2 x 32 bytes, units 2 and 3 the high ones; unit k has bits 2k of 32 bytes.
void q6_k(Bytes b, float* y) {
  const Bytes low = b, high = b + 128, scales = b + 192;
  const float d = load_half(b + 208);
  for (int u = 0; u < 8; ++u) {
    const int half = u / 4, k = u % 4;
    const Bytes nibbles = low + 64 * half + k % 2 * 32, pairs = high + 32 * half;
    for (int i = 0; i < 32; ++i) {
      const int q = ((nibbles[i] >> (k / 2 * 4)) & 15) | ((pairs[i] >> (2 * k)) & 3) << 4;
      const float scale = d * static_cast<float>(static_cast<int8_t>(scales[2 * u + i / 16]));
      y[32 * u + i] = scale * static_cast<float>(q - 32);
    }
  }
}

float iq4_value(int code) { return static_cast<float>(kIq4Values[code]); }

void iq4_nl(Bytes b, float* y) {
  const float d = load_half(b);
  for (int i = 0; i < 16; ++i) {
    y[i] = d * iq4_value(b[2 + i] & 15);
    y[i + 16] = d * iq4_value(b[2 + i] >> 4);
  }
}

// d; the upper bit pairs and the lower nibbles of eight 6-bit scales, biased by 32; 16 bytes for each 32 values.
void iq4_xs(Bytes b, float* y) {
  const float d = load_half(b);
  for (int u = 0; u < 8; ++u) {
    const int scale = ((b[4 + u / 2] >> (u % 2 * 4)) & 15) | ((load_u16(b + 2) >> (2 * u)) & 3) << 4;
    const float factor = d * static_cast<float>(scale - 32);
    for (int i = 0; i < 16; ++i) {
      y[32 * u + i] = factor * iq4_value(b[8 + 16 * u + i] & 15);
      y[32 * u + i + 16] = factor * iq4_value(b[8 + 16 * u + i] >> 4);
    }
  }
}

float fp4_value(int nibble) {
  const int magnitude = kFp4Values[8 + (nibble & 7)];
  return static_cast<float>(nibble < 8 ? magnitude : -magnitude);
}

// An exponent; 16 bytes.
void mxfp4(Bytes b, float* y) {
  const float d = e8m0_half(b[0]);
  for (int i = 0; i < 16; ++i) {
    y[i] = d * fp4_value(b[1 + i] & 15);
    y[i + 16] = d * fp4_value(b[1 + i] >> 4);
  }
}

// Four E4M3 numbers without signs, doubled as the values are; for each of them 8 bytes, whose low nibbles come first.
void nvfp4(Bytes b, float* y) {
  for (int s = 0; s < 4; ++s) {
    const float d = 0.5f * e4m3_to_float(b[s]);
    for (int i = 0; i < 8; ++i) {
      y[16 * s + i] = d * fp4_value(b[4 + 8 * s + i] & 15);
      y[16 * s + i + 8] = d * fp4_value(b[4 + 8 * s + i] >> 4);
    }
  }
}

void q1_0(Bytes b, float* y) {
  const float d = load_half(b);
  for (int i = 0; i < 128; ++i) y[i] = (b[2 + i / 8] >> (i % 8)) & 1 ? d : -d;
}

void q2_0(Bytes b, float* y) {
  const float d = load_half(b);
  for (int i = 0; i < 64; ++i) y[i] = d * static_cast<float>(((b[2 + i / 4] >> (i % 4 * 2)) & 3) - 1);
}

// The two bits of a value lie as in Q2_K.
void tq2_0(Bytes b, float* y) {
  const float d = load_half(b + 64);
  for (int v = 0; v < 256; ++v)
    y[v] = d * static_cast<float>(((b[v / 128 * 32 + v % 32] >> (v % 128 / 32 * 2)) & 3) - 1);
}

float iq3_s_value(int code) { return static_cast<float>(2 * code - 15); }
float iq3_xxs_value(int code) { return 0.5f * static_cast<float>(kIq3XxsValues[code]); }
float iq2_value(int code) { return 0.125f * static_cast<float>(kIq2Values[code]); }
float iq1_value(int code) { return 0.125f * static_cast<float>(kIq1Values[code]); }
float ternary_value(int code) { return static_cast<float>(code - 1); }

template <CodedBlock (*read)(Bytes), float (*value)(int)>
void coded(Bytes b, float* y) {
  const CodedBlock block = read(b);
  const float d = half_to_float(block.d);
  for (int i = 0; i < 256; ++i) y[i] = d * static_cast<float>(block.factors[i / 16]) * value(block.codes[i]);
}

template <TensorType type, void (*decode)(Bytes, float*)>
void run(Bytes blocks, std::span<float> values) {
  constexpr TensorTypeInfo kInfo = listed_type(type);
  for (size_t i = 0; i < values.size(); i += kInfo.block_values, blocks += kInfo.block_bytes)
    decode(blocks, values.data() + i);
}

struct Decoder {
  TensorType type;
  void (*run)(Bytes blocks, std::span<float> values);
};
constexpr Decoder kDecoders[] = {
    {TensorType::kF32, run<TensorType::kF32, f32>},
    {TensorType::kF16, run<TensorType::kF16, f16>},
    {TensorType::kBF16, run<TensorType::kBF16, bf16>},
    {TensorType::kQ4_0, run<TensorType::kQ4_0, q4_0>},
    {TensorType::kQ4_1, run<TensorType::kQ4_1, q4_1>},
    {TensorType::kQ5_0, run<TensorType::kQ5_0, q5_0>},
    {TensorType::kQ5_1, run<TensorType::kQ5_1, q5_1>},
    {TensorType::kQ8_0, run<TensorType::kQ8_0, q8_0>},
    {TensorType::kQ2_K, run<TensorType::kQ2_K, q2_k>},
    {TensorType::kQ3_K, run<TensorType::kQ3_K, q3_k>},
    {TensorType::kQ4_K, run<TensorType::kQ4_K, q4_k>},
    {TensorType::kQ5_K, run<TensorType::kQ5_K, q5_k>},
    {TensorType::kQ6_K, run<TensorType::kQ6_K, q6_k>},
    {TensorType::kIQ4_NL, run<TensorType::kIQ4_NL, iq4_nl>},
    {TensorType::kIQ4_XS, run<TensorType::kIQ4_XS, iq4_xs>},
    {TensorType::kMXFP4, run<TensorType::kMXFP4, mxfp4>},
    {TensorType::kNVFP4, run<TensorType::kNVFP4, nvfp4>},
    {TensorType::kIQ3_S, run<TensorType::kIQ3_S, coded<read_iq3_s, iq3_s_value>>},
    {TensorType::kIQ3_XXS, run<TensorType::kIQ3_XXS, coded<read_iq3_xxs, iq3_xxs_value>>},
    {TensorType::kIQ2_S, run<TensorType::kIQ2_S, coded<read_iq2_s, iq2_value>>},
    {TensorType::kIQ2_XS, run<TensorType::kIQ2_XS, coded<read_iq2_xs, iq2_value>>},
    {TensorType::kIQ2_XXS, run<TensorType::kIQ2_XXS, coded<read_iq2_xxs, iq2_value>>},
    {TensorType::kIQ1_M, run<TensorType::kIQ1_M, coded<read_iq1_m, iq1_value>>},
    {TensorType::kIQ1_S, run<TensorType::kIQ1_S, coded<read_iq1_s, iq1_value>>},
    {TensorType::kTQ1_0, run<TensorType::kTQ1_0, coded<read_tq1_0, ternary_value>>},
    {TensorType::kTQ2_0, run<TensorType::kTQ2_0, tq2_0>},
    {TensorType::kQ2_0, run<TensorType::kQ2_0, q2_0>},
    {TensorType::kQ1_0, run<TensorType::kQ1_0, q1_0>},
};

}  // namespace

bool can_dequantize(TensorType type) {
  const TensorTypeInfo* info = tensor_type_info(type);
  return info && info->device;
}

void dequantize_blocks(TensorType type, std::span<const std::byte> blocks, std::span<float> values) {
  const TensorTypeInfo* info = tensor_type_info(type);
  PUMICE_CHECK(info && values.size() % info->block_values == 0 &&
               blocks.size() == values.size() / info->block_values * info->block_bytes);
  const auto decoder = std::find_if(std::begin(kDecoders), std::end(kDecoders),
                                    [type](const Decoder& candidate) { return candidate.type == type; });
  PUMICE_CHECK(decoder != std::end(kDecoders));
  decoder->run(reinterpret_cast<Bytes>(blocks.data()), values);
}

Result<void> dequantize_rows(const GgufTensor& tensor, uint64_t first_row, uint64_t row_count,
                             std::span<float> values) {
  if (!can_dequantize(tensor.type))
    return error(Status::kUnsupported, "tensor %s is of type %s, which cannot be decoded; quantise to another type",
                 quote(tensor.name).c_str(), tensor_type_name(tensor.type).c_str());
  if (first_row > tensor.rows() || row_count > tensor.rows() - first_row)
    return error(Status::kInvalidArgument, "tensor %s has %llu rows, but rows up to %llu were asked for",
                 quote(tensor.name).c_str(), static_cast<unsigned long long>(tensor.rows()),
                 static_cast<unsigned long long>(first_row + row_count));
  if (values.size() != row_count * tensor.cols())
    return error(Status::kInvalidArgument, "%llu rows of tensor %s need %llu floats, but the output has %zu",
                 static_cast<unsigned long long>(row_count), quote(tensor.name).c_str(),
                 static_cast<unsigned long long>(row_count * tensor.cols()), values.size());
  const uint64_t row_bytes = tensor.row_bytes();
  dequantize_blocks(tensor.type, tensor.data.subspan(first_row * row_bytes, row_count * row_bytes), values);
  return {};
}

Result<std::vector<float>> fetch_values(const Gguf& file, const GgufTensor& tensor) {
  std::vector<std::byte> scratch(tensor.data.size());
  GgufTensor fetched = tensor;
  PUMICE_ASSIGN(fetched.data, file.fetch(tensor.data, scratch));
  std::vector<float> values(tensor.rows() * tensor.cols());
  PUMICE_TRY(dequantize_rows(fetched, 0, fetched.rows(), values));
  return values;
}

}  // namespace pumice
