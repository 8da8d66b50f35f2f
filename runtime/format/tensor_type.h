// TensorType: how the values of a GGUF tensor are encoded.
//
// Source: the GGUF specification (ggml's docs/gguf.md) and ggml's block definitions. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>

namespace pumice {

// The numbers are those of GGUF files. A number that is not listed (4, 5 and 31 to 33 were withdrawn) is unknown:
// tensor_type_info answers nullptr and a file that uses it is refused.
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
};

struct TensorTypeInfo {
  const char* name;       // as GGUF tools print it: "Q4_K"
  uint32_t block_values;  // consecutive values of a row that are encoded together; row lengths are multiples of it
  uint32_t block_bytes;
};

// nullptr for an unknown number.
const TensorTypeInfo* tensor_type_info(TensorType type);

// The name, or "type 37" for an unknown number.
std::string tensor_type_name(TensorType type);

}  // namespace pumice
