#include "kernels/matvec.h"

#include <algorithm>
#include <bit>

#include "shared/matvec.h"

namespace pumice {

MatvecVariant choose_matvec(const vk::DeviceCaps& caps, uint32_t rows, uint32_t n, bool gated) {
  MatvecVariant variant;
  variant.reduce = choose_reduce(caps);
  variant.cols_per_group = std::min(16u, n <= 4 ? n : std::bit_ceil(n));
  if (caps.type != vk::DeviceType::kCpu) return variant;
  // The software driver: a lane for each row needs no reduction, and several rows a lane share the loads of x.
  variant.reduce.workgroup = 8;
  variant.reduce.full_subgroups = false;
  if (variant.cols_per_group == 1)
    variant.rows_per_lane = gated ? 2 : 4;
  else
    variant.rows_per_lane = variant.cols_per_group <= 4 ? 2 : 1;
  while (variant.rows_per_lane > 1 && rows < 64 * variant.rows_per_lane) variant.rows_per_lane /= 2;
  return variant;
}

void matvec(Recorder recorder, const MatvecArgs& args) {
  const bool gated = args.up != nullptr;
  PUMICE_CHECK(args.x.stride % 4 == 0);
  PUMICE_CHECK(!gated ||
               (args.up->type == args.w.type && args.up->rows == args.w.rows && args.up->cols == args.w.cols));
  const uint32_t flags = (args.norm ? kMatvecNorm : 0u) | (args.bias ? kMatvecBias : 0u) |
                         (args.accumulate ? kMatvecAccumulate : 0u) | (gated ? kMatvecGated : 0u) |
                         (args.activation == Activation::kGelu ? kMatvecGelu : 0u) |
                         (args.w.cols % kUnitValues != 0 ? kMatvecTail : 0u);
  for (size_t s = 0; s < args.w.slabs.size(); ++s) {
    const WeightSlab& slab = args.w.slabs[s];
    const WeightSlab& up = gated ? args.up->slabs[s] : slab;
    const MatvecVariant variant = choose_matvec(recorder.kernels.caps(), slab.rows, args.n, gated);
    const MatvecPush push{.rows = slab.rows,
                          .cols = args.w.cols,
                          .units = args.w.units,
                          .n = args.n,
                          .quant_offset = 0,
                          .scale_offset = slab.scale_offset,
                          .up_quant_offset = 0,
                          .up_scale_offset = up.scale_offset,
                          .x_stride = args.x.stride,
                          .y_stride = args.y.stride,
                          .y_offset = args.y_offset + slab.first_row,
                          .bias_offset = slab.first_row,
                          .eps = args.eps};
    const vk::BufferView bindings[kMatvecBindings] = {
        slab.buffer,
        up.buffer,
        args.x.view,
        args.norm ? vk::BufferView(*args.norm) : vk::BufferView(slab.buffer),
        args.bias ? vk::BufferView(*args.bias) : vk::BufferView(slab.buffer),
        args.y.view};
    const uint32_t constants[] = {variant.reduce.workgroup, variant.rows_per_lane, variant.cols_per_group, flags};
    const double passes = gated ? 2 : 1;
    record(recorder, {.variant = std::string("matvec.") + variant.reduce.variant + "." + weight_variant(args.w.type),
                      .constants = constants,
                      .full_subgroups = variant.reduce.full_subgroups,
                      .push = push_bytes(push),
                      .bindings = bindings,
                      .groups = {divide_up(slab.rows, kRowInterleave * variant.rows_per_lane),
                                 divide_up(args.n, variant.cols_per_group), 1},
                      .cost = {.bytes = passes * static_cast<double>(slab.buffer.size()),
                               .flops = passes * 2.0 * slab.rows * args.w.cols * args.n}});
  }
}

}  // namespace pumice
