// Which form and tile of matmul a device and a shape get.
#include <algorithm>
#include <string>

#include "kernels/device_policy.h"
#include "kernels/matmul.h"
#include "shared/matmul.h"

namespace pumice {
namespace {

struct Tile {
  uint32_t rows, cols, workgroup, part_rows, part_cols;
};
// From the most reuse of what was loaded to the most workgroups. A part is a lane's.
constexpr Tile kLaneTiles[] = {
    {128, 64, 256, 8, 4}, {64, 64, 128, 8, 4}, {64, 64, 256, 4, 4}, {64, 32, 128, 4, 4}, {32, 32, 64, 4, 4}};
// Cooperative matrices: a part is a subgroup's and follows from the subgroup size. A lane holds 64, 64, 64, 32, 32 or
// 16 sums.
constexpr Tile kCoopmatTiles[] = {{128, 256, 512, 0, 0}, {128, 128, 256, 0, 0}, {128, 64, 128, 0, 0},
                                  {64, 64, 128, 0, 0},   {64, 32, 64, 0, 0},    {32, 32, 64, 0, 0}};

// More would leave room for one workgroup at a time where a compute unit has 64 KiB.
constexpr uint32_t kMostSharedBytes = 32768;

// Small n must not pay for a tile's empty columns: a quarter more than with tiles of 32 is the limit.
bool wasteful(uint32_t tile_cols, uint32_t n) {
  return 4 * divide_up(n, tile_cols) * tile_cols > 5 * divide_up(n, 32) * 32;
}

uint32_t tile_count(const MatmulVariant& v, const MatmulShape& shape) {
  return divide_up(shape.rows, v.tile_rows) * divide_up(shape.n, v.tile_cols);
}

// Splits of K that bring few tiles to the wanted number of workgroups; each keeps 8 units, or adding up costs more than
// it saves.
uint32_t useful_splits(const vk::DeviceCaps& caps, const MatmulVariant& v, const MatmulShape& shape) {
  const uint32_t units = divide_up(shape.cols, kUnitValues);
  const uint32_t wanted = device_policy(caps).matmul_workgroups / tile_count(v, shape);
  const uint32_t splits = std::max(1u, std::min({wanted, units / 8, 16u}));
  const uint64_t partials = uint64_t{4} * tile_count(v, shape) * splits * v.tile_rows * v.tile_cols;
  return partials <= caps.max_storage_range ? splits : 1;
}

bool fits(const vk::DeviceCaps& caps, const MatmulVariant& v) {
  return v.workgroup <= caps.max_workgroup_invocations &&
         matmul_shared_bytes(v) <= std::min(caps.max_shared_bytes, kMostSharedBytes);
}

bool has_shader(MatmulForm form, uint32_t type) { return matmul_shader(form, type, false).built(); }

bool fits_quantized(const vk::DeviceCaps& caps, QuantizedForm form, const MatmulShape& shape) {
  return std::max(quantized_word_bytes(form, shape.cols, shape.n), quantized_scale_bytes(form, shape.cols, shape.n)) <=
         caps.max_storage_range;
}

using Variants = std::vector<MatmulVariant>;

void add_lane_tiles(const vk::DeviceCaps& caps, MatmulForm form, Variants& variants) {
  const uint32_t most_dot_sums = device_policy(caps).most_dot_sums;
  for (const Tile& tile : kLaneTiles) {
    if (form == MatmulForm::kDot && tile.part_rows * tile.part_cols > most_dot_sums) continue;
    const MatmulVariant v{.form = form,
                          .workgroup = tile.workgroup,
                          .tile_rows = tile.rows,
                          .tile_cols = tile.cols,
                          .part_rows = tile.part_rows,
                          .part_cols = tile.part_cols};
    if (fits(caps, v)) variants.push_back(v);
  }
}

// Cuts the tile into as many parts as there are subgroups, as square as can be; false where a part would be smaller
// than a matrix, or the memory of the tile has not got room for a matrix of each.
bool cut_into_parts(MatmulVariant& v, uint32_t subgroups) {
  if (4 * subgroups * v.m * v.n > matmul_shared_bytes(v)) return false;
  v.part_rows = v.tile_rows;
  v.part_cols = v.tile_cols;
  for (; subgroups > 1; subgroups /= 2) (v.part_rows >= v.part_cols ? v.part_rows : v.part_cols) /= 2;
  return v.part_rows % v.m == 0 && v.part_cols % v.n == 0 && v.part_rows > 0 && v.part_cols > 0;
}

// The two sizes to try. First those with the longest k and the fewest columns, which is what one instruction of the
// hardware does; Mesa's NVIDIA compiler makes several, and moves between them, of larger ones.
std::vector<vk::CooperativeMatrix> useful_sizes(const vk::DeviceCaps& caps, vk::ComponentType sums) {
  using enum vk::ComponentType;
  std::vector<vk::CooperativeMatrix> sizes;
  for (const vk::CooperativeMatrix& size : caps.cooperative_matrices)
    if (size.a == kF16 && size.b == kF16 && size.c == sums && size.result == sums && size.m % 4 == 0 &&
        kUnitValues % size.k == 0)
      sizes.push_back(size);
  std::stable_sort(sizes.begin(), sizes.end(), [](const auto& one, const auto& other) {
    return one.k != other.k ? one.k > other.k : one.n < other.n;
  });
  if (sizes.size() > 2) sizes.resize(2);
  return sizes;
}

constexpr uint32_t kMostHalfTile = 128 * 128;

void add_coopmat_tiles(const vk::DeviceCaps& caps, MatmulForm form, Variants& variants) {
  if (!caps.fixed_subgroup) return;
  const DevicePolicy policy = device_policy(caps);
  const auto sums = form == MatmulForm::kCoopmat ? vk::ComponentType::kF32 : vk::ComponentType::kF16;
  for (const vk::CooperativeMatrix& size : useful_sizes(caps, sums)) {
    for (const Tile& tile : kCoopmatTiles) {
      MatmulVariant v{.form = form,
                      .workgroup = std::max(tile.workgroup, policy.matrix_subgroup),
                      .tile_rows = tile.rows,
                      .tile_cols = tile.cols,
                      .m = size.m,
                      .n = size.n,
                      .k = size.k,
                      .subgroup = policy.matrix_subgroup,
                      .ahead = policy.matrix_ahead,
                      .rows_kept = policy.matrix_rows_kept};
      if (!cut_into_parts(v, v.workgroup / v.subgroup) || !fits(caps, v)) continue;
      // Sums in F16 and in F32 at once: of larger tiles Ada spills 8 to 12 registers (NVK of Mesa 26).
      const bool spills = form == MatmulForm::kCoopmatHalf && v.tile_rows * v.tile_cols > kMostHalfTile;
      if (!spills) variants.push_back(v);
    }
  }
}

// No driver here offers VK_NV_cooperative_matrix2, so this form is never the choice, only something for tuning to try.
void add_workgroup_tiles(const vk::DeviceCaps& caps, Variants& variants) {
  for (const Tile& tile : {kCoopmatTiles[1], kCoopmatTiles[3]}) {
    const MatmulVariant v{.form = MatmulForm::kCoopmat2,
                          .workgroup = kMatmulCoopmat2Workgroup,
                          .tile_rows = tile.rows,
                          .tile_cols = tile.cols,
                          .part_rows = tile.rows,
                          .part_cols = tile.cols};
    if (fits(caps, v)) variants.push_back(v);
  }
}

// For few columns, one workgroup computes all of them. Only something for tuning to try: it takes 8-bit activations
// where matvec takes f32, and a dispatch more.
void add_vectors(const vk::DeviceCaps& caps, const MatmulShape& shape, Variants& variants) {
  if (shape.n > kMatvecDotCols) return;
  const ReduceChoice reduce = choose_reduce(caps);
  const uint32_t subgroup = reduce.subgroup_size ? reduce.subgroup_size : caps.subgroup_size;
  for (uint32_t rows = 1; rows <= device_policy(caps).most_dot_rows; ++rows)
    variants.push_back({.form = MatmulForm::kDotVector,
                        .workgroup = reduce.workgroup,
                        .tile_rows = kRowInterleave * rows,
                        .tile_cols = shape.n,
                        .part_rows = rows,
                        .part_cols = shape.n,
                        .subgroup = reduce.full_subgroups ? subgroup : 0});
}

// Every tile of every form that this build and device have, the preferred form first.
Variants all_variants(const vk::DeviceCaps& caps, const MatmulShape& shape) {
  if (device_policy(caps).by_address) return {panel_variant()};
  Variants variants;
  const bool half = fits_quantized(caps, QuantizedForm::kF16, shape);
  if (half && has_shader(MatmulForm::kCoopmat, shape.type)) add_coopmat_tiles(caps, MatmulForm::kCoopmat, variants);
  const bool dot =
      caps.integer_dot && has_shader(MatmulForm::kDot, shape.type) && fits_quantized(caps, QuantizedForm::kQ8, shape);
  if (dot && caps.integer_dot_accelerated) add_lane_tiles(caps, MatmulForm::kDot, variants);
  add_lane_tiles(caps, MatmulForm::kTiled, variants);
  if (dot && !caps.integer_dot_accelerated) add_lane_tiles(caps, MatmulForm::kDot, variants);
  if (device_policy(caps).half_sums && half && has_shader(MatmulForm::kCoopmatHalf, shape.type))
    add_coopmat_tiles(caps, MatmulForm::kCoopmatHalf, variants);
  if (caps.cooperative_matrix2 && half && has_shader(MatmulForm::kCoopmat2, shape.type))
    add_workgroup_tiles(caps, variants);
  if (dot && has_shader(MatmulForm::kDotVector, shape.type)) add_vectors(caps, shape, variants);
  return variants;
}

}  // namespace

Shader matmul_shader(MatmulForm form, uint32_t type, bool by_subgroup) {
  switch (form) {
    case MatmulForm::kTiled:
      return {ShaderKernel::kMatmul, ShaderForm::kPlain, type};
    case MatmulForm::kCoopmat:
      return {ShaderKernel::kMatmulCoopmat, ShaderForm::kPlain, type};
    case MatmulForm::kCoopmatHalf:
      return {ShaderKernel::kMatmulCoopmatHalf, ShaderForm::kPlain, type};
    case MatmulForm::kCoopmat2:
      return {ShaderKernel::kMatmulCoopmat2, ShaderForm::kPlain, type};
    case MatmulForm::kDot:
      return {ShaderKernel::kMatmulDot, ShaderForm::kPlain, type};
    case MatmulForm::kPanel:
      return {ShaderKernel::kMatmulPanel, ShaderForm::kPlain, type};
    case MatmulForm::kDotVector:
      return {ShaderKernel::kMatvecDot, by_subgroup ? ShaderForm::kSubgroup : ShaderForm::kShared, type};
  }
  return {};
}

uint32_t matmul_shared_bytes(const MatmulVariant& v) {
  if (v.form == MatmulForm::kPanel) return 0;
  if (v.form == MatmulForm::kDotVector) return v.workgroup * 4;
  const uint32_t lines = v.tile_rows + v.tile_cols, arrivals = 16;
  if (v.form == MatmulForm::kTiled) return lines * 9 * 16 + arrivals;
  if (v.form == MatmulForm::kDot) return lines * 2 * 3 * 16 + arrivals;
  if (v.form == MatmulForm::kCoopmat2) return v.tile_rows * 5 * 16 + arrivals;  // and what the driver takes for itself
  return lines * 5 * 16 + arrivals;
}

MatmulVariant panel_variant() {
  return {.form = MatmulForm::kPanel,
          .workgroup = kMatmulPanelLanes,
          .tile_rows = kMatmulPanelRows,
          .tile_cols = kMatmulPanelCols,  // at once; a workgroup takes all
          .part_rows = kMatmulPanelRows / kMatmulPanelLanes,
          .part_cols = kMatmulPanelCols,
          .subgroup = kMatmulPanelLanes};
}

MatmulVariant choose_matmul(const vk::DeviceCaps& caps, const MatmulShape& shape) {
  return matmul_candidates(caps, shape).front();
}

MatmulVariant exact_matmul(const vk::DeviceCaps& caps, const MatmulShape& shape, const MatmulVariant& reference) {
  const MatmulVariant* smallest = nullptr;
  const std::vector<MatmulVariant> candidates = all_variants(caps, shape);
  for (const MatmulVariant& v : candidates) {
    if (v.form != reference.form || v.m != reference.m || v.n != reference.n || v.k != reference.k) continue;
    if (!wasteful(v.tile_cols, shape.n) && tile_count(v, shape) >= device_policy(caps).matmul_workgroups) return v;
    if (!smallest || v.tile_rows * v.tile_cols <= smallest->tile_rows * smallest->tile_cols) smallest = &v;
  }
  PUMICE_CHECK(smallest != nullptr);  // the reference itself is one of them
  return *smallest;
}

std::vector<MatmulVariant> matmul_candidates(const vk::DeviceCaps& caps, const MatmulShape& shape) {
  Variants candidates;
  for (const MatmulVariant& v : all_variants(caps, shape)) {
    if (v.tile_cols > kMatvecDotCols && wasteful(v.tile_cols, shape.n)) continue;
    candidates.push_back(v);
    if (v.form == MatmulForm::kDotVector) continue;
    if (const uint32_t splits = useful_splits(caps, v, shape); splits > 1) {
      candidates.push_back(v);
      candidates.back().splits = splits;
    }
  }
  // The choice: of the preferred form, the largest tile that fills the device, or else the smallest with splits.
  const MatmulForm form = candidates.front().form;
  const auto others =
      std::find_if(candidates.begin(), candidates.end(), [&](const MatmulVariant& v) { return v.form != form; });
  auto choice = std::find_if(candidates.begin(), others, [&](const MatmulVariant& v) {
    return v.splits == 1 && tile_count(v, shape) >= device_policy(caps).matmul_workgroups;
  });
  if (choice == others) choice = std::prev(others);
  std::rotate(candidates.begin(), choice, choice + 1);
  return candidates;
}

}  // namespace pumice
