#include "kernels/matmul.h"

#include "kernels/matvec.h"
#include "shared/matmul.h"

namespace pumice {

void matmul(Recorder recorder, const MatmulArgs& args) {
  PUMICE_CHECK(args.x.stride % 4 == 0);
  const uint32_t flags = (args.bias ? kMatmulBias : 0u) | (args.accumulate ? kMatmulAccumulate : 0u);
  for (const WeightSlab& slab : args.w.slabs) {
    const MatmulPush push{.rows = slab.rows,
                          .cols = args.w.cols,
                          .units = args.w.units,
                          .n = args.n,
                          .quant_offset = 0,
                          .scale_offset = slab.scale_offset,
                          .x_stride = args.x.stride,
                          .y_stride = args.y.stride,
                          .y_offset = args.y_offset + slab.first_row,
                          .bias_offset = slab.first_row};
    const vk::BufferView bindings[kMatmulBindings] = {
        slab.buffer, args.x.view, args.bias ? vk::BufferView(*args.bias) : vk::BufferView(slab.buffer), args.y.view};
    record(recorder, {.variant = std::string("matmul.") + weight_variant(args.w.type),
                      .constants = {&flags, 1},
                      .push = push_bytes(push),
                      .bindings = bindings,
                      .groups = {divide_up(slab.rows, kMatmulTile), divide_up(args.n, kMatmulTile), 1},
                      .cost = {.bytes = static_cast<double>(slab.buffer.size()),
                               .flops = 2.0 * slab.rows * args.w.cols * args.n}});
  }
}

void linear(Recorder recorder, const MatmulArgs& args) {
  // On the software driver the matvec kernel's 16 columns in registers beat tiles in (emulated) shared memory.
  if (args.n > 16 && recorder.kernels.caps().type != vk::DeviceType::kCpu) return matmul(recorder, args);
  matvec(recorder, {.w = args.w,
                    .x = args.x,
                    .bias = args.bias,
                    .accumulate = args.accumulate,
                    .y = args.y,
                    .y_offset = args.y_offset,
                    .n = args.n});
}

}  // namespace pumice
