#include "kernels/ssru.h"

#include "shared/ssru.h"

namespace pumice {

void ssru(Recorder recorder, const SsruArgs& args) {
  const SsruPush push{.n = args.n,
                      .cols = args.cols,
                      .x_stride = args.x.stride,
                      .y_stride = args.y.stride,
                      .state_stride = args.state_stride,
                      .from = args.from,
                      .to = args.to};
  const vk::BufferView bindings[kSsruBindings] = {args.x.view, args.step_rows, args.parents, args.states, args.y.view};
  record(recorder, {.shader = ShaderKernel::kSsru,
                    .push = push_bytes(push),
                    .bindings = bindings,
                    .groups = {divide_up(args.cols, kSsruWorkgroup), args.n, 1},
                    .cost = {.bytes = 24.0 * args.n * args.cols, .flops = 4.0 * args.n * args.cols}});
}

}  // namespace pumice
