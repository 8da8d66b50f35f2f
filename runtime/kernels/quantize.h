// quantize: activations (n, cols) in the forms that integer dot products and cooperative matrices read; the formats are
// in shaders/shared/quantize.h.
#pragma once

#include "kernels/kernels.h"

namespace pumice {

// kF16Low: so small that sums of products with weights up to 64 are in the range of f16, too.
enum class QuantizedForm { kQ8, kF16, kF16Low };

struct QuantizedRows {
  QuantizedForm form = QuantizedForm::kQ8;
  vk::BufferView words, scales;  // of the sizes below
};
uint64_t quantized_word_bytes(QuantizedForm form, uint32_t cols, uint32_t n);
uint64_t quantized_scale_bytes(QuantizedForm form, uint32_t cols, uint32_t n);
// Room in the kernels' scratch memory: what was there before is overwritten.
Result<QuantizedRows> quantized_scratch(Kernels& kernels, QuantizedForm form, uint32_t cols, uint32_t n);

struct QuantizeArgs {
  FloatRows x;  // (n, cols); stride a multiple of 4
  QuantizedRows y;
  uint32_t cols = 0;
  uint32_t n = 1;
};
void quantize(Recorder recorder, const QuantizeArgs& args);

}  // namespace pumice
