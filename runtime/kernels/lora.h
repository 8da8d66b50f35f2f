// lora: between the two products of low-rank adapters, the scale that each row's sequence gives to each adapter
// (shaders/shared/lora.h).
//
// The adapters of a matrix W lie side by side: products (n, cols) = x A^T, where A has the rows of all of them, are
// scaled here, and y += products B^T. A row's adapters are those whose scale is not 0.
#pragma once

#include "kernels/kernels.h"

namespace pumice {

struct LoraArgs {
  FloatRows products;        // (n, cols), in place
  vk::BufferView columns;    // (cols) LoraColumn
  vk::BufferView scales;     // (slots, adapters) floats
  vk::BufferView step_rows;  // StepRow
  uint32_t first_row = 0;    // which step row is that of products' row 0
  uint32_t n = 1, cols = 0, adapters = 0;
};
void lora(Recorder recorder, const LoraArgs& args);

}  // namespace pumice
