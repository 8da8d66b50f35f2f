#include "kernels/short_conv.h"

#include "shared/short_conv.h"

namespace pumice {

uint32_t short_conv_state(uint32_t cols) { return (kConvMostTaps - 1) * cols; }

void short_conv(Recorder recorder, const ShortConvArgs& args) {
  const ShortConvPush push{.n = args.n,
                           .cols = args.cols,
                           .x_stride = args.x.stride,
                           .y_stride = args.y.stride,
                           .x_first = args.first_column,
                           .state_stride = args.states.stride,
                           .one_sequence = args.one_sequence ? 1u : 0u,
                           .gated = args.gated ? 1u : 0u,
                           .activated = args.activated ? 1u : 0u,
                           .snapshot_after = {args.states.snapshots.after[0], args.states.snapshots.after[1]},
                           .snapshot = {args.states.snapshots.place[0], args.states.snapshots.place[1]}};
  const uint32_t columns = args.gated ? 3 * args.cols : args.cols;
  const vk::BufferView bindings[kShortConvBindings] = {args.x.columns(args.first_column, columns),
                                                       args.weight,
                                                       args.bias,
                                                       args.step_rows,
                                                       args.states.view,
                                                       args.y.columns(0, args.cols)};
  record(recorder,
         {.shader = ShaderKernel::kShortConv,
          .push = push_bytes(push),
          .bindings = bindings,
          .groups = {divide_up(args.cols, kShortConvWorkgroup), args.one_sequence ? 1u : args.n, 1},
          .cost = {.bytes = 4.0 * args.n * (columns + args.cols), .flops = 2.0 * kConvMostTaps * args.n * args.cols}});
}

}  // namespace pumice
