#include "kernels/combine.h"

#include "shared/combine.h"

namespace pumice {

void combine(Recorder recorder, const CombineArgs& args) {
  const CombinePush push{.cols = args.cols,
                         .used = args.used,
                         .x_stride = args.x.stride,
                         .y_stride = args.y.stride,
                         .accumulate = args.accumulate ? 1u : 0u,
                         .factor = args.factor};
  const vk::BufferView bindings[kCombineBindings] = {args.x.view, args.choices, args.y.view};
  record(recorder, {.shader = ShaderKernel::kCombine,
                    .push = push_bytes(push),
                    .bindings = bindings,
                    .groups = {divide_up(args.cols, kCombineWorkgroup), args.n, 1},
                    .cost = {.bytes = 4.0 * args.n * args.cols * (args.used + 1)}});
}

}  // namespace pumice
