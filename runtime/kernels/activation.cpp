#include "kernels/activation.h"

#include "shared/activation.h"

namespace pumice {

void activation(Recorder recorder, const ActivationArgs& args) {
  const FloatRows& up = args.up ? *args.up : args.gate;
  const ActivationPush push{.n = args.n,
                            .cols = args.cols,
                            .gate_stride = args.gate.stride,
                            .up_stride = up.stride,
                            .y_stride = args.y.stride,
                            .gate_column = args.gate_column,
                            .up_column = args.up_column,
                            .gate_share = args.gate_share,
                            .kind = static_cast<uint32_t>(args.activation),
                            .gated = args.up ? 1u : 0u,
                            .limit = args.limit,
                            .lowest = args.lowest,
                            .y_column = args.y_column};
  const vk::BufferView bindings[kActivationBindings] = {args.gate.view, up.view, args.y.view};
  record(recorder, {.shader = ShaderKernel::kActivation,
                    .push = push_bytes(push),
                    .bindings = bindings,
                    .groups = {divide_up(args.cols, kActivationWorkgroup), args.n, 1},
                    .cost = {.bytes = 12.0 * args.n * args.cols}});
}

}  // namespace pumice
