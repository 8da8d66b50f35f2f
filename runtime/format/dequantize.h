// Dequantisation of GGUF blocks to float on the CPU: the reference for the kernels.
//
// Source of the formulas: the GGUF specification and ggml's block definitions. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "format/gguf.h"
#include "format/tensor_type.h"

namespace pumice {

// True for the types that the device takes (tensor_type.h).
bool can_dequantize(TensorType type);

// Decodes values.size() values from `blocks` (whole blocks of `type`, of exactly that many values).
// Precondition: can_dequantize(type) and matching sizes; `blocks` needs no alignment.
void dequantize_blocks(TensorType type, std::span<const std::byte> blocks, std::span<float> values);

// Rows first_row .. first_row + row_count - 1 (row_count * tensor.cols() floats). Fails for a type that cannot be
// dequantised, a range outside the tensor, and an output of another size.
Result<void> dequantize_rows(const GgufTensor& tensor, uint64_t first_row, uint64_t row_count, std::span<float> values);

// All values of a tensor, through Gguf::fetch. For small ones.
Result<std::vector<float>> fetch_values(const Gguf& file, const GgufTensor& tensor);

}  // namespace pumice
