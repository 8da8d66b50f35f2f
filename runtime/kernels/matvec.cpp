#include "kernels/matvec.h"

#include <algorithm>
#include <bit>

#include "kernels/device_policy.h"
#include "shared/expert_tiles.h"
#include "shared/matvec.h"

namespace pumice {

namespace {

constexpr uint32_t kMostSums = 8;     // of a lane; beyond, registers spill
constexpr uint32_t kMostLanes = 256;  // of a workgroup

uint32_t sums_of(const MatvecVariant& variant, const MatvecShape& shape) {
  return variant.rows_per_lane * variant.cols_per_group * (shape.gated ? 2 : 1);
}

// For whose weights registers have room beside the sums and x.
uint32_t most_units_ahead(const DevicePolicy& policy, const MatvecVariant& variant, const MatvecShape& shape) {
  if (sums_of(variant, shape) >= kMostSums) return 0;
  const uint32_t most = (shape.type == kWeightF32 ? 1 : 4) / variant.rows_per_lane / (shape.gated ? 2 : 1);
  const bool wide = shape.type == kWeightF16 || shape.type == kWeightBF16 || shape.type == kWeightQ8_0;
  return std::min({policy.matvec_units_ahead, most, wide && !policy.matvec_wide_ahead ? 1 : most});
}

// Groups of equal size, so that no column is computed twice.
uint32_t equal_groups(uint32_t n, uint32_t most) { return divide_up(n, divide_up(n, most)); }

// Software drivers without what the lanes form needs, or slow with it: a lane for each row needs no reduction, and
// several rows a lane share the loads of x.
MatvecVariant choose_rows(const DevicePolicy& policy, const MatvecShape& shape) {
  MatvecVariant variant{.reduce = {ShaderForm::kShared, 8, false}, .cols_per_group = equal_groups(shape.n, 16)};
  if (variant.cols_per_group == 1)
    variant.rows_per_lane = shape.gated ? 2 : 4;
  else
    variant.rows_per_lane = variant.cols_per_group <= 4 ? 2 : 1;
  while (variant.rows_per_lane > 1 && shape.rows < 64 * variant.rows_per_lane) variant.rows_per_lane /= 2;
  variant.units_ahead = std::min(1u, most_units_ahead(policy, variant, shape));
  return variant;
}

// Measured on llvmpipe with AVX-512 (AMD EPYC, Q4_0): the compiler of Mesa 26 keeps 8 rows, or 4 rows of 5 columns, in
// registers; those of 25.0 and 22.3 spill beyond 4 rows of 2 columns, and take a second or more to compile them. A
// second group of columns loads and converts the weights again, which costs as much as two columns more, so 6 columns
// reach 0.9 of the rate of 5. Loading ahead makes decode 1.4 times as fast on Mesa 26 (135 million parameters in Q4_0)
// and takes 1.4 times as long on the older ones, whose first start takes twice as long with it. One group that holds
// the weights and goes over 6 to 30 columns was slower: a loop over the columns blends whatever it carries with its
// mask, and unrolled, the compiler mixes the columns and spills.
MatvecVariant choose_lanes(const vk::DeviceCaps& caps, const MatvecShape& shape) {
  const bool roomy = device_policy(caps).many_registers;
  const uint32_t most_cols = roomy ? 5 : 2;
  const uint32_t col_groups = divide_up(shape.n, most_cols);
  MatvecVariant variant{.reduce = {ShaderForm::kLanes, caps.subgroup_size, caps.fixed_subgroup},
                        .rows_per_lane = (roomy && shape.n == 1 ? 8u : 4u) / (shape.gated ? 2 : 1),
                        .cols_per_group = divide_up(shape.n, col_groups),
                        .prefetch = roomy};
  constexpr uint32_t kFewGroups = 12;  // too few to share among the cores
  while (variant.rows_per_lane > 2 && divide_up(shape.rows, variant.rows_per_group()) * col_groups < kFewGroups)
    variant.rows_per_lane -= 2;
  return variant;
}

// Measured on llvmpipe of Mesa 26 with AVX2, whose 16 registers hold 12 sums: 4 rows decode fastest, and of several
// columns two rows of six.
MatvecVariant choose_addressed(const vk::DeviceCaps& caps, const MatvecShape& shape) {
  const uint32_t col_groups = divide_up(shape.n, 6);
  return {.reduce = {ShaderForm::kAddressed, caps.subgroup_size, true},
          .rows_per_lane = (shape.n == 1 ? 4u : 2u) / (shape.gated ? 2 : 1),
          .cols_per_group = divide_up(shape.n, col_groups)};
}

// Of a workgroup on the device.
uint32_t most_lanes(const vk::DeviceCaps& caps) {
  return std::min(kMostLanes, std::bit_floor(caps.max_workgroup_invocations));
}

// Lanes that share 8 rows: enough to fill the device with waves, as long as each has some units to load.
uint32_t useful_workgroup(const DevicePolicy& policy, uint32_t most, const MatvecShape& shape, uint32_t subgroup) {
  constexpr uint32_t kUnitsPerLane = 4;
  const uint32_t groups = divide_up(shape.rows, kRowInterleave), units = divide_up(shape.cols, kUnitValues);
  const uint32_t filling = std::bit_ceil(divide_up(policy.matvec_lanes, groups));
  const uint32_t busy = std::bit_ceil(divide_up(units, kUnitsPerLane)) * kRowInterleave;
  return std::max(subgroup, std::min({filling, busy, most}));
}

MatvecVariant choose_gpu(const vk::DeviceCaps& caps, const MatvecShape& shape) {
  const DevicePolicy policy = device_policy(caps);
  const uint32_t most_cols = shape.gated ? policy.most_gated_cols : policy.most_matvec_cols;
  MatvecVariant variant{.reduce = choose_reduce(caps), .cols_per_group = equal_groups(shape.n, most_cols)};
  if ((shape.n > 1 || shape.gated) && policy.matvec_cols_subgroup && variant.reduce.full_subgroups)
    variant.reduce.workgroup = variant.reduce.subgroup_size = policy.matvec_cols_subgroup;
  if (shape.n == 1)
    variant.reduce.workgroup = useful_workgroup(policy, most_lanes(caps), shape, variant.reduce.workgroup);
  variant.units_ahead = std::min(shape.n == 1 && !shape.gated ? 2u : 1u, most_units_ahead(policy, variant, shape));
  return variant;
}

}  // namespace

MatvecVariant choose_matvec(const vk::DeviceCaps& caps, const MatvecShape& shape) {
  const DevicePolicy policy = device_policy(caps);
  if (policy.by_address) return choose_addressed(caps, shape);
  if (policy.matvec_by_lanes && shape.cols % 2 == 0) return choose_lanes(caps, shape);
  return policy.matvec_only ? choose_rows(policy, shape) : choose_gpu(caps, shape);
}

uint32_t matvec_tile(const vk::DeviceCaps& caps, MatvecShape shape, uint32_t experts) {
  shape.n = std::max(1u, shape.n / experts);
  return choose_matvec(caps, shape).cols_per_group;
}

std::vector<MatvecVariant> matvec_candidates(const vk::DeviceCaps& caps, const MatvecShape& shape) {
  const MatvecVariant choice = choose_matvec(caps, shape);
  std::vector<MatvecVariant> candidates{choice};
  const DevicePolicy policy = device_policy(caps);
  if (!policy.matvec_tuned) return candidates;
  const auto add = [&](MatvecVariant variant) {
    if (sums_of(variant, shape) > kMostSums && variant.rows_per_lane > choice.rows_per_lane) return;
    variant.units_ahead = std::min(variant.units_ahead, most_units_ahead(policy, variant, shape));
    if (std::find(candidates.begin(), candidates.end(), variant) == candidates.end()) candidates.push_back(variant);
  };
  for (const uint32_t rows_per_lane : {1u, 2u, 4u}) {
    MatvecVariant variant = choice;
    variant.rows_per_lane = rows_per_lane;
    add(variant);
  }
  for (const uint32_t units_ahead : {1u, 2u}) {
    MatvecVariant variant = choice;
    variant.units_ahead = units_ahead;
    add(variant);
  }
  for (const ReduceChoice& reduce : reduce_candidates(caps)) {
    MatvecVariant variant = choice;
    variant.reduce = reduce;
    variant.reduce.workgroup = std::max(reduce.workgroup, choice.reduce.workgroup);
    add(variant);
  }
  if (shape.n > 1) return candidates;
  const ReduceChoice narrow = choose_reduce(caps);
  const uint32_t most = most_lanes(caps);
  for (const uint32_t workgroup : {narrow.workgroup, 128u, 256u}) {
    MatvecVariant variant = choice;
    if (workgroup < choice.reduce.subgroup_size || workgroup > most) continue;
    variant.reduce.workgroup = workgroup;
    add(variant);
  }
  return candidates;
}

// On a CPU a core takes consecutive workgroups, so those that read the same rows follow each other.
static vk::Groups groups_of(const MatvecVariant& variant, uint32_t rows, uint32_t col_groups) {
  const uint32_t row_groups = divide_up(rows, variant.rows_per_group());
  return variant.lanes() ? vk::Groups{col_groups, row_groups, 1} : vk::Groups{row_groups, col_groups, 1};
}

// Columns of W that an iteration takes.
static uint32_t columns_at_once(const MatvecVariant& variant, uint32_t type) {
  return variant.reduce.form == ShaderForm::kLanes && type == kWeightQ8_0 ? 2 * kUnitValues : kUnitValues;
}

// Whether rows of y have matrices of their own.
static bool by_expert(const MatvecArgs& args) { return args.choices || args.heads.count; }

static uint32_t flags_of(const MatvecArgs& args) {
  return (args.norm ? kMatvecNorm : 0u) | (args.bias ? kMatvecBias : 0u) | (args.accumulate ? kMatvecAccumulate : 0u) |
         (args.up ? kMatvecGated : 0u) | (args.activation == Activation::kGelu ? kMatvecGelu : 0u) |
         (by_expert(args) ? kMatvecChosen : 0u) | (args.heads.count ? kMatvecHeads : 0u);
}

// Of a mixture each row of y, or each tile of them, is computed as if it were the only one.
static MatvecVariant variant_of(Recorder recorder, const MatvecArgs& args, uint32_t rows) {
  const uint32_t n = by_expert(args) ? args.tile_size : args.n;
  const auto candidates =
      matvec_candidates(recorder.kernels.caps(),
                        {.type = args.w.type, .rows = rows, .cols = args.w.cols, .n = n, .gated = args.up != nullptr});
  if (by_expert(args)) return candidates[0];
  const TuningKey key{.kernel = TunedKernel::kMatvec,
                      .type = args.w.type,
                      .rows = rows,
                      .cols = args.w.cols,
                      .n = tuning_bucket(n),
                      .flags = flags_of(args) & (kMatvecNorm | kMatvecGated)};
  return candidates[pick_candidate(recorder, key, candidates.size())];
}

static MatvecPush push_of(const MatvecArgs& args, const WeightSlab& slab, const WeightSlab& up, uint32_t rows) {
  const uint32_t expert_rows = args.w.rows / args.experts;
  return {.rows = rows,
          .cols = args.w.cols,
          .units = args.w.units,
          .n = args.n * std::max(args.heads.count, 1u),
          .quant_offset = 0,
          .scale_offset = slab.scale_offset,
          .up_quant_offset = 0,
          .up_scale_offset = up.scale_offset,
          .x_stride = args.x.stride,
          .y_stride = args.y.stride,
          .y_offset = args.y_offset + (by_expert(args) ? 0 : slab.first_row),
          .bias_offset = slab.first_row,
          .eps = args.eps,
          .factor = args.factor,
          .share = args.heads.count ? args.heads.count : args.share,
          .first_expert = slab.first_row / expert_rows,
          .experts = slab.rows / expert_rows,
          .x_first = args.heads.x_first,
          .x_head = args.heads.x_head,
          .y_head = args.heads.y_head,
          .w_address = std::bit_cast<uvec2>(slab.buffer.address()),
          .up_address = std::bit_cast<uvec2>(up.buffer.address()),
          .x_address = std::bit_cast<uvec2>(args.x.view.address()),
          .norm_address = std::bit_cast<uvec2>(args.norm ? args.norm->address() : 0)};
}

void matvec(Recorder recorder, const MatvecArgs& args) {
  const bool gated = args.up != nullptr;
  PUMICE_CHECK(args.x.stride % 4 == 0);
  PUMICE_CHECK(!gated ||
               (args.up->type == args.w.type && args.up->rows == args.w.rows && args.up->cols == args.w.cols));
  PUMICE_CHECK((args.tile_size > 1) == (args.tiles != nullptr));
  const uint32_t n = args.n * std::max(args.heads.count, 1u);
  for (size_t s = 0; s < args.w.slabs.size(); ++s) {
    const WeightSlab& slab = args.w.slabs[s];
    const WeightSlab& up = gated ? args.up->slabs[s] : slab;
    const uint32_t rows = by_expert(args) ? args.w.rows / args.experts : slab.rows;
    const MatvecVariant variant = variant_of(recorder, args, rows);
    const MatvecPush push = push_of(args, slab, up, rows);
    const vk::BufferView bindings[kMatvecBindings] = {
        slab.buffer,
        up.buffer,
        args.x.view,
        args.norm ? vk::BufferView(*args.norm) : vk::BufferView(slab.buffer),
        args.bias ? vk::BufferView(*args.bias) : vk::BufferView(slab.buffer),
        args.heads.count ? args.y.view : args.y.columns(push.y_offset, rows),
        args.tiles     ? vk::BufferView(*args.tiles)
        : args.choices ? vk::BufferView(*args.choices)
                       : vk::BufferView(slab.buffer)};
    const uint32_t col_groups =
        args.tiles ? most_expert_tiles(args.n, args.experts, args.tile_size) : divide_up(n, variant.cols_per_group);
    const bool uneven = variant.lanes() && !args.tiles && n % col_groups != 0;
    const bool tail = args.w.cols % columns_at_once(variant, args.w.type) != 0;
    const uint32_t form =
        (tail ? kMatvecTail : 0u) | (uneven ? kMatvecUneven : 0u) | (variant.prefetch ? kMatvecPrefetch : 0u);
    const uint32_t constants[] = {variant.reduce.workgroup, variant.rows_per_lane, variant.cols_per_group,
                                  flags_of(args) | form, variant.units_ahead};
    const double products = (gated ? 2.0 : 1.0) * rows * args.w.cols * n;
    const double read = by_expert(args) ? static_cast<double>(slab.buffer.size()) / push.experts * n / args.tile_size
                                        : static_cast<double>(slab.buffer.size());
    record(recorder, {.shader = {ShaderKernel::kMatvec, variant.reduce.form, args.w.type},
                      .constants = constants,
                      .full_subgroups = variant.reduce.full_subgroups,
                      .subgroup_size = variant.reduce.subgroup_size,
                      .push = push_bytes(push),
                      .bindings = bindings,
                      .groups = groups_of(variant, rows, col_groups),
                      .cost = {.bytes = (gated ? 2.0 : 1.0) * read, .flops = 2.0 * products}});
  }
}

}  // namespace pumice
