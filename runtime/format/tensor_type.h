// TensorType: how the values of a GGUF tensor are encoded.
//
// Source: the GGUF specification (ggml's docs/gguf.md) and ggml's block definitions. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "shared/quant_blocks.h"

namespace pumice {

// The numbers are those of GGUF files. A number that is not listed (4, 5, 31 to 33 and 36 to 38 were withdrawn) is
// unknown: tensor_type_info answers nullptr and a file that uses it is refused.
enum class TensorType : uint32_t {
  kF32 = 0,
  kF16 = 1,
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ8_1 = 9,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kQ8_K = 15,
  kIQ2_XXS = 16,
  kIQ2_XS = 17,
  kIQ3_XXS = 18,
  kIQ1_S = 19,
  kIQ4_NL = 20,
  kIQ3_S = 21,
  kIQ2_S = 22,
  kIQ4_XS = 23,
  kI8 = 24,
  kI16 = 25,
  kI32 = 26,
  kI64 = 27,
  kF64 = 28,
  kIQ1_M = 29,
  kBF16 = 30,
  kTQ1_0 = 34,
  kTQ2_0 = 35,
  kMXFP4 = 39,
  kNVFP4 = 40,
  kQ1_0 = 41,
  kQ2_0 = 42,
};

// What a matrix is on the device; the numbers are those of quant_blocks.h, as shaders see them.
enum class WeightType : uint32_t {
  kF32 = kWeightF32,
  kF16 = kWeightF16,
  kBF16 = kWeightBF16,
  kQ8_0 = kWeightQ8_0,
  kQ4_0 = kWeightQ4_0,
  kQ4_1 = kWeightQ4_1,
  kQ5_0 = kWeightQ5_0,
  kQ5_1 = kWeightQ5_1,
  kQ4_K = kWeightQ4_K,
  kQ5_K = kWeightQ5_K,
  kQ6_K = kWeightQ6_K,
  kMXFP4 = kWeightMXFP4,
  kIQ4_NL = kWeightIQ4_NL,
  kIQ4_XS = kWeightIQ4_XS,
  kQ3_K = kWeightQ3_K,
  kQ2_K = kWeightQ2_K,
  kIQ3_S = kWeightIQ3_S,
  kIQ3_XXS = kWeightIQ3_XXS,
  kIQ2 = kWeightIQ2,
  kIQ1 = kWeightIQ1,
  kNVFP4 = kWeightNVFP4,
  kQ2_0 = kWeightQ2_0,
  kQ1_0 = kWeightQ1_0,
};

// The one table of what is known about a type; how its blocks are decoded and repacked is in dequantize.cpp and
// repack.cpp, how the device reads it in quant_blocks.h.
struct TensorTypeInfo {
  const char* name = nullptr;  // as GGUF tools print it: "Q4_K"; nullptr for a number that no current file uses
  uint32_t block_values = 0;   // consecutive values of a row that are encoded together; row lengths are multiples of it
  uint32_t block_bytes = 0;
  std::optional<WeightType> device = {};  // what it becomes; empty: it has no kernels and cannot be decoded
};

// By number.
inline constexpr TensorTypeInfo kTensorTypes[] = {
    {"F32", 1, 4, WeightType::kF32},
    {"F16", 1, 2, WeightType::kF16},
    {"Q4_0", 32, 18, WeightType::kQ4_0},
    {"Q4_1", 32, 20, WeightType::kQ4_1},
    {},
    {},
    {"Q5_0", 32, 22, WeightType::kQ5_0},
    {"Q5_1", 32, 24, WeightType::kQ5_1},
    {"Q8_0", 32, 34, WeightType::kQ8_0},
    {"Q8_1", 32, 36},
    {"Q2_K", 256, 84, WeightType::kQ2_K},
    {"Q3_K", 256, 110, WeightType::kQ3_K},
    {"Q4_K", 256, 144, WeightType::kQ4_K},
    {"Q5_K", 256, 176, WeightType::kQ5_K},
    {"Q6_K", 256, 210, WeightType::kQ6_K},
    {"Q8_K", 256, 292},
    {"IQ2_XXS", 256, 66, WeightType::kIQ2},
    {"IQ2_XS", 256, 74, WeightType::kIQ2},
    {"IQ3_XXS", 256, 98, WeightType::kIQ3_XXS},
    {"IQ1_S", 256, 50, WeightType::kIQ1},
    {"IQ4_NL", 32, 18, WeightType::kIQ4_NL},
    {"IQ3_S", 256, 110, WeightType::kIQ3_S},
    {"IQ2_S", 256, 82, WeightType::kIQ2},
    {"IQ4_XS", 256, 136, WeightType::kIQ4_XS},
    {"I8", 1, 1},
    {"I16", 1, 2},
    {"I32", 1, 4},
    {"I64", 1, 8},
    {"F64", 1, 8},
    {"IQ1_M", 256, 56, WeightType::kIQ1},
    {"BF16", 1, 2, WeightType::kBF16},
    {},
    {},
    {},
    {"TQ1_0", 256, 54, WeightType::kQ2_0},
    {"TQ2_0", 256, 66, WeightType::kQ2_0},
    {},
    {},
    {},
    {"MXFP4", 32, 17, WeightType::kMXFP4},
    {"NVFP4", 64, 36, WeightType::kNVFP4},
    {"Q1_0", 128, 18, WeightType::kQ1_0},
    {"Q2_0", 64, 18, WeightType::kQ2_0},
};

// How the units of a weight type lie in its planes (quant_blocks.h).
struct WeightTypeInfo {
  TensorType type;  // that has the same values, or all of them, and so its name and its block
  uint32_t quant_words;
  uint32_t scale_words;  // of scale_units units
  uint32_t scale_units;
};

// By number.
inline constexpr WeightTypeInfo kWeightLayouts[kWeightTypes] = {
    {TensorType::kF32, 32, 0, 1}, {TensorType::kF16, 16, 0, 1}, {TensorType::kBF16, 16, 0, 1},
    {TensorType::kQ8_0, 8, 1, 2}, {TensorType::kQ4_0, 4, 1, 2}, {TensorType::kQ4_1, 4, 1, 1},
    {TensorType::kQ5_0, 5, 1, 2}, {TensorType::kQ5_1, 5, 1, 1}, {TensorType::kQ4_K, 4, 4, 8},
    {TensorType::kQ5_K, 5, 4, 8}, {TensorType::kQ6_K, 6, 5, 8}, {TensorType::kMXFP4, 4, 1, 4},
    {TensorType::kIQ4_NL, 4, 1, 2}, {TensorType::kIQ4_XS, 4, 2, 8}, {TensorType::kQ3_K, 3, 5, 8},
    {TensorType::kQ2_K, 2, 5, 8}, {TensorType::kIQ3_S, 4, 2, 8}, {TensorType::kIQ3_XXS, 4, 2, 8},
    {TensorType::kIQ2_S, 3, 5, 8}, {TensorType::kIQ1_M, 3, 5, 8}, {TensorType::kNVFP4, 4, 5, 8},
    {TensorType::kQ2_0, 2, 1, 4}, {TensorType::kQ1_0, 1, 1, 8},
};

// Of a type that is listed above.
constexpr const TensorTypeInfo& listed_type(TensorType type) { return kTensorTypes[static_cast<uint32_t>(type)]; }

// nullptr for an unknown number.
const TensorTypeInfo* tensor_type_info(TensorType type);

// The name, or "type 37" for an unknown number.
std::string tensor_type_name(TensorType type);

}  // namespace pumice
