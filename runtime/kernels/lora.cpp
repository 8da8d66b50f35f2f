#include "kernels/lora.h"

#include "shared/lora.h"

namespace pumice {

void lora(Recorder recorder, const LoraArgs& args) {
  const LoraPush push{
      .cols = args.cols, .stride = args.products.stride, .adapters = args.adapters, .first_row = args.first_row};
  const vk::BufferView bindings[kLoraBindings] = {args.products.view, args.columns, args.scales, args.step_rows};
  record(recorder, {.shader = ShaderKernel::kLora,
                    .push = push_bytes(push),
                    .bindings = bindings,
                    .groups = {divide_up(args.cols, kLoraWorkgroup), args.n, 1},
                    .cost = {.bytes = 8.0 * args.n * args.cols}});
}

}  // namespace pumice
