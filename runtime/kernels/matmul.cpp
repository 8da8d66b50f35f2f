#include "kernels/matmul.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "kernels/device_policy.h"
#include "kernels/matvec.h"
#include "shared/matmul.h"

namespace pumice {
namespace {

QuantizedForm reads(MatmulForm form) {
  if (form == MatmulForm::kDot || form == MatmulForm::kDotVector) return QuantizedForm::kQ8;
  return form == MatmulForm::kCoopmatHalf ? QuantizedForm::kF16Low : QuantizedForm::kF16;
}

struct SplitMemory {
  vk::BufferView partials, counters;
};

// A dispatch without splits binds y in their place: it is written anyway, so no dependency is added.
Result<SplitMemory> split_memory(Kernels& kernels, const MatmulVariant& v, uint64_t tiles, const vk::BufferView& y) {
  SplitMemory memory{.partials = y, .counters = y};
  if (v.splits == 1) return memory;
  PUMICE_ASSIGN(memory.partials, kernels.scratch(Scratch::kPartials, 4 * tiles * v.splits * v.tile_rows * v.tile_cols));
  PUMICE_ASSIGN(memory.counters, kernels.scratch(Scratch::kCounters, 4 * tiles));
  return memory;
}

// x in the form that the variant reads, quantized now unless another product has done so.
Result<QuantizedRows> inputs(Recorder recorder, const MatmulArgs& args, MatmulForm form) {
  if (form == MatmulForm::kTiled) return QuantizedRows{.words = args.x.view};
  const QuantizedForm wanted = reads(form);
  if (args.quantized && *args.quantized && (*args.quantized)->form == wanted) return **args.quantized;
  PUMICE_ASSIGN(const QuantizedRows rows, quantized_scratch(recorder.kernels, wanted, args.w.cols, args.n));
  quantize(recorder, {.x = args.x, .y = rows, .cols = args.w.cols, .n = args.n});
  if (args.quantized) *args.quantized = rows;
  return rows;
}

Result<void> record_slab(Recorder recorder, const MatmulArgs& args, const WeightSlab& slab, const MatmulVariant& v,
                         const QuantizedRows& x) {
  const uint32_t row_tiles = divide_up(slab.rows, v.tile_rows), col_tiles = divide_up(args.n, v.tile_cols);
  const uint32_t split_units = divide_up(args.w.units, v.splits);
  const bool tiled = v.form == MatmulForm::kTiled, vector = v.form == MatmulForm::kDotVector;
  const vk::BufferView y = args.y.columns(args.y_offset + slab.first_row, slab.rows);
  PUMICE_ASSIGN(const SplitMemory memory, split_memory(recorder.kernels, v, uint64_t{row_tiles} * col_tiles, y));
  const MatmulPush push{.rows = slab.rows,
                        .cols = args.w.cols,
                        .units = args.w.units,
                        .n = args.n,
                        .quant_offset = 0,
                        .scale_offset = slab.scale_offset,
                        .x_stride = args.x.stride,
                        .y_stride = args.y.stride,
                        .y_offset = args.y_offset + slab.first_row,
                        .bias_offset = slab.first_row,
                        .splits = v.splits,
                        .split_units = split_units,
                        .factor = args.factor};
  const uint32_t flags = (args.bias ? kMatmulBias : 0u) | (args.accumulate ? kMatmulAccumulate : 0u) |
                         (v.splits > 1 ? kMatmulSplit : 0u) |
                         (tiled && args.w.cols % kUnitValues != 0 ? kMatmulTail : 0u);
  const uint32_t subgroups = v.subgroup ? v.workgroup / v.subgroup : 0;
  const uint32_t constants[] = {v.workgroup, v.tile_rows, v.tile_cols, flags,   v.part_rows, v.part_cols,
                                v.m,         v.n,         v.k,         v.ahead, subgroups,   v.rows_kept};
  const vk::BufferView bias = args.bias ? vk::BufferView(*args.bias) : vk::BufferView(slab.buffer);
  vk::BufferView bindings[kMatmulQuantisedBindings] = {slab.buffer,     x.words,         bias,    y,
                                                       memory.partials, memory.counters, x.scales};
  uint32_t binding_count = tiled ? kMatmulBindings : kMatmulQuantisedBindings;
  if (vector) {
    bindings[kMatvecDotBindings - 1] = x.scales;
    binding_count = kMatvecDotBindings;
  }
  record(recorder,
         {.shader = matmul_shader(v.form, args.w.type, v.subgroup != 0),
          .constants = std::span(constants).first(v.matrices() ? 12 : 6),
          .full_subgroups = v.subgroup != 0,
          .subgroup_size = v.subgroup,
          .push = push_bytes(push),
          .bindings = std::span(bindings).first(binding_count),
          .groups = vector ? vk::Groups{row_tiles, col_tiles, 1} : vk::Groups{col_tiles, row_tiles, v.splits},
          .cost = {.bytes = static_cast<double>(slab.buffer.size()), .flops = 2.0 * slab.rows * args.w.cols * args.n},
          .independent = v.splits == 1});
  return {};
}

MatmulVariant tuned_variant(Recorder recorder, const MatmulShape& shape) {
  const std::vector<MatmulVariant> candidates = matmul_candidates(recorder.kernels.caps(), shape);
  const TuningKey key{.kernel = TunedKernel::kMatmul,
                      .type = shape.type,
                      .rows = shape.rows,
                      .cols = shape.cols,
                      .n = tuning_bucket(shape.n)};
  return candidates[pick_candidate(recorder, key, candidates.size())];
}

// The form is what a full slice takes, whatever n is.
MatmulVariant exact_variant(Recorder recorder, MatmulShape shape) {
  constexpr uint32_t kManyRows = 512;
  const uint32_t n = std::exchange(shape.n, kManyRows);
  const MatmulVariant reference = tuned_variant(recorder, shape);
  shape.n = n;
  return exact_matmul(recorder.kernels.caps(), shape, reference);
}

}  // namespace

void matmul(Recorder recorder, const MatmulArgs& args) {
  PUMICE_CHECK(args.x.stride % 4 == 0);
  const MatmulShape shape{.type = args.w.type, .rows = args.w.rows, .cols = args.w.cols, .n = args.n};
  MatmulVariant variant = args.variant ? *args.variant
                          : args.exact ? exact_variant(recorder, shape)
                                       : tuned_variant(recorder, shape);
  // Every split has at least one unit.
  variant.splits = divide_up(args.w.units, divide_up(args.w.units, variant.splits));
  const Result<QuantizedRows> x = inputs(recorder, args, variant.form);
  if (!x) return recorder.stream.fail(x.error());
  for (const WeightSlab& slab : args.w.slabs) {
    const Result<void> recorded = record_slab(recorder, args, slab, variant, *x);
    if (!recorded) return recorder.stream.fail(recorded.error());
  }
}

void linear(Recorder recorder, const MatmulArgs& args) {
  if ((args.n > 16 || args.exact) && !device_policy(recorder.kernels.caps()).matvec_only) return matmul(recorder, args);
  matvec(recorder, {.w = args.w,
                    .x = args.x,
                    .factor = args.factor,
                    .bias = args.bias,
                    .accumulate = args.accumulate,
                    .y = args.y,
                    .y_offset = args.y_offset,
                    .n = args.n});
}

}  // namespace pumice
