// The factors of blocks whose other bytes are random, for measuring and for tests: random bytes there would give values
// without bounds.
//
// Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>

#include "format/tensor_type.h"

namespace pumice {

// How many a block of `type` has; 0 where it is a value itself.
uint32_t block_factors(TensorType type);

// Sets factor `which` to `value`, which is positive, or to what the type has near it.
void set_block_factor(TensorType type, std::byte* block, uint32_t which, float value);

}  // namespace pumice
