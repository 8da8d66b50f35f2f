// Quantisation of floats to GGUF blocks on the CPU, for writing model files.
//
// Source of the formats: the GGUF specification and ggml's block definitions. How a block's factors are chosen is the
// writer's matter: here each block has the factors with the least (weighted) squared error among some candidates.
// Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <span>

#include "format/tensor_type.h"

namespace pumice {

// F32, F16, BF16, Q8_0, Q4_0, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K.
bool can_quantize(TensorType type);

// Encodes `values`, whole blocks of `type`, into `blocks`, of exactly their size. What is not finite is taken for 0 by
// types with blocks. Precondition: can_quantize(type) and matching sizes; `blocks` needs no alignment.
void quantize_blocks(TensorType type, std::span<const float> values, std::span<std::byte> blocks);

}  // namespace pumice
