#include "kernels/quantize.h"

#include <algorithm>
#include <bit>

#include "shared/quant_blocks.h"
#include "shared/quantize.h"

namespace pumice {

uint64_t quantized_word_bytes(QuantizedForm form, uint32_t cols, uint32_t n) {
  const uint64_t value = form == QuantizedForm::kQ8 ? 1 : 2;
  return value * n * divide_up(cols, kUnitValues) * kUnitValues;
}

uint64_t quantized_scale_bytes(QuantizedForm form, uint32_t cols, uint32_t n) {
  return form == QuantizedForm::kQ8 ? uint64_t{8} * n * divide_up(cols, kUnitValues) : uint64_t{4} * n;
}

Result<QuantizedRows> quantized_scratch(Kernels& kernels, QuantizedForm form, uint32_t cols, uint32_t n) {
  QuantizedRows rows{.form = form};
  PUMICE_ASSIGN(rows.words, kernels.scratch(Scratch::kActivations, quantized_word_bytes(form, cols, n)));
  PUMICE_ASSIGN(rows.scales, kernels.scratch(Scratch::kActivationScales, quantized_scale_bytes(form, cols, n)));
  return rows;
}

void quantize(Recorder recorder, const QuantizeArgs& args) {
  PUMICE_CHECK(args.x.stride % 4 == 0);
  const uint32_t units = divide_up(args.cols, kUnitValues);
  const QuantizePush push{.cols = args.cols,
                          .units = units,
                          .x_stride = args.x.stride,
                          .exponent = args.y.form == QuantizedForm::kF16Low ? kQuantizeLowExponent : 14u};
  const vk::BufferView bindings[kQuantizeBindings] = {args.x.view, args.y.words, args.y.scales};
  const vk::Cost cost{.bytes = 4.0 * args.n * args.cols + static_cast<double>(args.y.words.size)};
  if (args.y.form == QuantizedForm::kQ8) {
    record(recorder, {.shader = ShaderKernel::kQuantize,
                      .push = push_bytes(push),
                      .bindings = bindings,
                      .groups = {divide_up(units, kQuantizeWorkgroup / 8), args.n, 1},
                      .cost = cost});
    return;
  }
  const uint32_t workgroup =
      std::min(kQuantizeRowWorkgroup, std::bit_floor(recorder.kernels.caps().max_workgroup_invocations));
  record(recorder, {.shader = ShaderKernel::kQuantizeF16,
                    .constants = {&workgroup, 1},
                    .push = push_bytes(push),
                    .bindings = bindings,
                    .groups = {args.n, 1, 1},
                    .cost = cost});
}

}  // namespace pumice
