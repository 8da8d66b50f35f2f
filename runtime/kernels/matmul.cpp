#include "kernels/matmul.h"

#include <algorithm>
#include <bit>
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
  if (form == MatmulForm::kTiled || form == MatmulForm::kPanel) return QuantizedRows{.words = args.x.view};
  const QuantizedForm wanted = reads(form);
  if (args.quantized && *args.quantized && (*args.quantized)->form == wanted) return **args.quantized;
  PUMICE_ASSIGN(const QuantizedRows rows, quantized_scratch(recorder.kernels, wanted, args.w.cols, args.n));
  quantize(recorder, {.x = args.x, .y = rows, .cols = args.w.cols, .n = args.n});
  if (args.quantized) *args.quantized = rows;
  return rows;
}

MatmulPush push_of(const MatmulArgs& args, const WeightSlab& slab) {
  return {.rows = slab.rows,
          .cols = args.w.cols,
          .units = args.w.units,
          .n = args.n,
          .quant_offset = 0,
          .scale_offset = slab.scale_offset,
          .x_stride = args.x.stride,
          .y_stride = args.y.stride,
          .y_offset = args.y_offset + slab.first_row,
          .bias_offset = slab.first_row,
          .splits = 1,
          .split_units = args.w.units,
          .factor = args.factor};
}

uint32_t flags_of(const MatmulArgs& args, bool floats) {
  return (args.bias ? kMatmulBias : 0u) | (args.accumulate ? kMatmulAccumulate : 0u) |
         (floats && args.w.cols % kUnitValues != 0 ? kMatmulTail : 0u);
}

// As many rows at a time as panels of a moderate size have.
Result<void> record_panels(Recorder recorder, const MatmulArgs& args, const WeightSlab& slab, const MatmulVariant& v) {
  constexpr uint64_t kMostPanelBytes = uint64_t{32} << 20;
  const uint64_t panel_bytes = uint64_t{4} * v.tile_rows * args.w.units * kUnitValues;
  const uint32_t tiles = divide_up(slab.rows, v.tile_rows);
  const auto at_once = static_cast<uint32_t>(std::clamp<uint64_t>(kMostPanelBytes / panel_bytes, 1, tiles));
  PUMICE_ASSIGN(vk::BufferView panels, recorder.kernels.scratch(Scratch::kPartials, at_once * panel_bytes));
  panels.size = std::min(panels.size, recorder.kernels.caps().max_storage_range);  // bound for its order alone
  MatmulPush push = push_of(args, slab);
  push.w_address = std::bit_cast<uvec2>(slab.buffer.address());
  push.x_address = std::bit_cast<uvec2>(args.x.view.address());
  push.partials_address = std::bit_cast<uvec2>(panels.address());
  const uint32_t constants[] = {v.workgroup, v.tile_rows, v.tile_cols, flags_of(args, true), v.part_rows, v.part_cols};
  const vk::BufferView y = args.y.columns(args.y_offset + slab.first_row, slab.rows);
  const vk::BufferView bias = args.bias ? vk::BufferView(*args.bias) : vk::BufferView(slab.buffer);
  const vk::BufferView bindings[kMatmulBindings] = {slab.buffer, args.x.view, bias, y, panels, y};
  for (; push.first_tile < tiles; push.first_tile += at_once) {
    const uint32_t count = std::min(at_once, tiles - push.first_tile);
    record(recorder, {.shader = matmul_shader(v.form, args.w.type, true),
                      .constants = constants,
                      .full_subgroups = true,
                      .subgroup_size = v.subgroup,
                      .push = push_bytes(push),
                      .bindings = bindings,
                      .groups = {1, count, 1},
                      .cost = {.bytes = static_cast<double>(slab.buffer.size()) * count / tiles,
                               .flops = 2.0 * count * v.tile_rows * args.w.cols * args.n}});
  }
  return {};
}

Result<void> record_slab(Recorder recorder, const MatmulArgs& args, const WeightSlab& slab, const MatmulVariant& v,
                         const QuantizedRows& x) {
  const uint32_t row_tiles = divide_up(slab.rows, v.tile_rows), col_tiles = divide_up(args.n, v.tile_cols);
  const bool tiled = v.form == MatmulForm::kTiled, vector = v.form == MatmulForm::kDotVector;
  const vk::BufferView y = args.y.columns(args.y_offset + slab.first_row, slab.rows);
  PUMICE_ASSIGN(const SplitMemory memory, split_memory(recorder.kernels, v, uint64_t{row_tiles} * col_tiles, y));
  MatmulPush push = push_of(args, slab);
  push.splits = v.splits;
  push.split_units = divide_up(args.w.units, v.splits);
  const uint32_t flags = flags_of(args, tiled) | (v.splits > 1 ? kMatmulSplit : 0u);
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
  MatmulVariant variant = args.variant                     ? *args.variant
                          : args.exact != Exactness::kNone ? exact_variant(recorder, shape)
                                                           : tuned_variant(recorder, shape);
  // Every split has at least one unit.
  variant.splits = divide_up(args.w.units, divide_up(args.w.units, variant.splits));
  const Result<QuantizedRows> x = inputs(recorder, args, variant.form);
  if (!x) return recorder.stream.fail(x.error());
  for (const WeightSlab& slab : args.w.slabs) {
    const Result<void> recorded = variant.form == MatmulForm::kPanel ? record_panels(recorder, args, slab, variant)
                                                                     : record_slab(recorder, args, slab, variant, *x);
    if (!recorded) return recorder.stream.fail(recorded.error());
  }
}

bool takes_matmul(const vk::DeviceCaps& caps, uint32_t n, Exactness exact) {
  const DevicePolicy policy = device_policy(caps);
  if (!policy.matvec_only) return n > kFewRows || exact != Exactness::kNone;
  return policy.by_address && (exact == Exactness::kMany || (exact == Exactness::kNone && n > kFewRows));
}

void linear(Recorder recorder, const MatmulArgs& args) {
  if (takes_matmul(recorder.kernels.caps(), args.n, args.exact)) return matmul(recorder, args);
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
