#include "kernels/add.h"

#include "shared/add.h"

namespace pumice {

void add(Recorder recorder, const AddArgs& args) {
  const AddPush push{
      .n = args.n, .cols = args.cols, .a_stride = args.a.stride, .b_stride = args.b.stride, .y_stride = args.y.stride};
  const vk::BufferView bindings[kAddBindings] = {args.a.view, args.b.view, args.y.view};
  record(recorder, {.variant = "add",
                    .push = push_bytes(push),
                    .bindings = bindings,
                    .groups = {divide_up(args.cols, kAddWorkgroup), args.n, 1},
                    .cost = {.bytes = 12.0 * args.n * args.cols}});
}

}  // namespace pumice
