// choose_matmul and matmul_candidates over capabilities that no device here has.
#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/matmul.h"

namespace pumice::test::matmul_choice_test {

using vk::ComponentType;

constexpr uint32_t kQ4 = kWeightQ4_K;
constexpr MatmulShape kPrefill{.type = kQ4, .rows = 4096, .cols = 4096, .n = 512};

vk::DeviceCaps plain() {
  vk::DeviceCaps caps;
  caps.type = vk::DeviceType::kDiscrete;
  caps.max_storage_range = uint64_t{1} << 30;
  caps.max_workgroup_invocations = 1024;
  caps.max_shared_bytes = 32768;
  caps.subgroup_size = caps.min_subgroup_size = caps.max_subgroup_size = 32;
  caps.fixed_subgroup = true;
  return caps;
}

vk::CooperativeMatrix size(uint32_t m, uint32_t n, uint32_t k, ComponentType in = ComponentType::kF16) {
  const auto out = in == ComponentType::kF16 ? ComponentType::kF32 : ComponentType::kS32;
  return {.m = m, .n = n, .k = k, .a = in, .b = in, .c = out, .result = out};
}

vk::DeviceCaps with_matrices(uint32_t subgroup, std::vector<vk::CooperativeMatrix> sizes) {
  vk::DeviceCaps caps = plain();
  caps.subgroup_size = caps.max_subgroup_size = subgroup;
  caps.min_subgroup_size = std::min(subgroup, 8u);
  caps.cooperative_matrices = std::move(sizes);
  return caps;
}

bool built(const char* shader) { return Shader::named(shader).built(); }

std::vector<vk::DeviceCaps> many_caps() {
  std::vector<vk::DeviceCaps> all = {plain(),
                                     with_matrices(32, {size(16, 16, 16), size(16, 8, 16), size(16, 8, 8)}),
                                     with_matrices(64, {size(16, 16, 16)}),
                                     with_matrices(16, {size(8, 16, 16)}),
                                     with_matrices(8, {size(8, 8, 16)}),
                                     with_matrices(128, {size(16, 16, 16)}),
                                     with_matrices(32, {size(16, 16, 32, ComponentType::kS8)})};
  all[1].cooperative_matrix2 = true;
  for (size_t i = 0, count = all.size(); i < count; ++i) {
    vk::DeviceCaps least = all[i];
    least.max_workgroup_invocations = 128;
    least.max_shared_bytes = 16384;
    least.max_storage_range = 16384;
    vk::DeviceCaps integrated = all[i];
    integrated.type = vk::DeviceType::kIntegrated;
    integrated.integer_dot = integrated.integer_dot_accelerated = true;
    all.push_back(least);
    all.push_back(integrated);
  }
  return all;
}

void expect_runnable(const vk::DeviceCaps& caps, const MatmulShape& shape, const MatmulVariant& v) {
  EXPECT_LE(v.workgroup, caps.max_workgroup_invocations);
  EXPECT_LE(matmul_shared_bytes(v), caps.max_shared_bytes);
  if (v.form == MatmulForm::kDotVector) {
    EXPECT_LE(shape.n, 8u);
    EXPECT_EQ(v.tile_cols, shape.n);
    EXPECT_EQ(v.workgroup % 8, 0u);
    EXPECT_TRUE(v.subgroup == 0 || v.workgroup == v.subgroup);
    return;
  }
  EXPECT_EQ(v.tile_rows % v.part_rows, 0u);
  EXPECT_EQ(v.tile_cols % v.part_cols, 0u);
  EXPECT_EQ(v.tile_rows % 32, 0u);
  EXPECT_EQ(v.tile_cols % 32, 0u);
  EXPECT_GE(v.splits, 1u);
  const uint32_t parts = v.tile_rows / v.part_rows * (v.tile_cols / v.part_cols);
  if (v.form == MatmulForm::kCoopmat2) {
    EXPECT_TRUE(caps.cooperative_matrix2 && shape.type != kWeightF32);
    return;
  }
  if (!v.matrices()) {
    EXPECT_EQ(parts, v.workgroup);
    EXPECT_GE(v.tile_rows / v.part_rows, 8u) << "fewer rows at once leave banks idle";
    return;
  }
  EXPECT_EQ(v.workgroup, parts * v.subgroup);
  EXPECT_GE(v.subgroup, caps.min_subgroup_size);
  EXPECT_LE(v.subgroup, caps.max_subgroup_size);
  EXPECT_LE(v.part_rows * v.part_cols, 64 * v.subgroup) << "more sums than a lane has registers for";
  EXPECT_EQ(v.part_rows % v.m + v.part_cols % v.n + kUnitValues % v.k, 0u);
  EXPECT_TRUE(std::any_of(caps.cooperative_matrices.begin(), caps.cooperative_matrices.end(), [&](const auto& matrix) {
    return matrix.m == v.m && matrix.n == v.n && matrix.k == v.k && matrix.a == ComponentType::kF16;
  }));
  EXPECT_NE(shape.type, kWeightF32) << "f32 weights are multiplied in f32";
}

TEST(MatmulChoice, EveryCandidateCanRun) {
  for (const vk::DeviceCaps& caps : many_caps())
    for (uint32_t type = 0; type < kWeightTypes; ++type)
      for (const uint32_t rows : {1u, 40u, 576u, 4096u, 128256u})
        for (const uint32_t cols : {32u, 576u, 14336u})
          for (const uint32_t n : {1u, 8u, 17u, 33u, 64u, 65u, 100u, 512u}) {
            const MatmulShape shape{.type = type, .rows = rows, .cols = cols, .n = n};
            const auto candidates = matmul_candidates(caps, shape);
            ASSERT_FALSE(candidates.empty());
            EXPECT_EQ(candidates.front(), choose_matmul(caps, shape));
            for (size_t i = 0; i < candidates.size(); ++i) {
              expect_runnable(caps, shape, candidates[i]);
              EXPECT_EQ(std::count(candidates.begin(), candidates.end(), candidates[i]), 1);
              // Columns beyond n cost less than a quarter of what tiles of 32 would compute.
              if (candidates[i].form == MatmulForm::kDotVector) continue;
              const uint32_t computed = divide_up(n, candidates[i].tile_cols) * candidates[i].tile_cols;
              EXPECT_LE(4 * computed, 5 * divide_up(n, 32) * 32);
            }
          }
}

TEST(MatmulChoice, TheFastestFormThatIsThere) {
  vk::DeviceCaps caps = plain();
  EXPECT_EQ(choose_matmul(caps, kPrefill).form, MatmulForm::kTiled);
  caps.integer_dot = true;
  EXPECT_EQ(choose_matmul(caps, kPrefill).form, MatmulForm::kTiled) << "emulated";
  const auto candidates = matmul_candidates(caps, kPrefill);
  const bool tried = std::any_of(candidates.begin(), candidates.end(),
                                 [](const MatmulVariant& v) { return v.form == MatmulForm::kDot; });
  EXPECT_EQ(tried, built("matmul_dot.q4_k"));
  caps.integer_dot_accelerated = true;
  EXPECT_EQ(choose_matmul(caps, kPrefill).form, built("matmul_dot.q4_k") ? MatmulForm::kDot : MatmulForm::kTiled);
  EXPECT_EQ(choose_matmul(caps, {.type = kWeightF16, .rows = 4096, .cols = 4096, .n = 512}).form, MatmulForm::kTiled);
  caps.cooperative_matrices = {size(16, 16, 16)};
  if (!built("matmul_coopmat.q4_k")) GTEST_SKIP() << "the shader compiler knows no cooperative matrices";
  EXPECT_EQ(choose_matmul(caps, kPrefill).form, MatmulForm::kCoopmat);
  caps.cooperative_matrix2 = true;
  EXPECT_EQ(choose_matmul(caps, kPrefill).form, MatmulForm::kCoopmat) << "coopmat2 has run on no device yet";
  caps.fixed_subgroup = false;
  EXPECT_EQ(choose_matmul(caps, kPrefill).form, MatmulForm::kDot);
}

// Sums in f16 are for tuning to try, where they may pay.
TEST(MatmulChoice, HalfSumsAreTriedWhereTheyMayBeFaster) {
  if (!built("matmul_coopmat_half.q4_k")) GTEST_SKIP() << "the shader compiler knows no cooperative matrices";
  vk::CooperativeMatrix half = size(16, 16, 16);
  half.c = half.result = ComponentType::kF16;
  vk::DeviceCaps caps = with_matrices(32, {size(16, 16, 16), half});
  const auto tried = [&] {
    const auto candidates = matmul_candidates(caps, kPrefill);
    EXPECT_EQ(candidates.front().form, MatmulForm::kCoopmat);
    return std::ranges::any_of(candidates, [](const auto& v) { return v.form == MatmulForm::kCoopmatHalf; });
  };
  EXPECT_FALSE(tried());
  caps.vendor_id = 0x10de;
  EXPECT_TRUE(tried());
  caps.cooperative_matrices.pop_back();
  EXPECT_FALSE(tried());
}

TEST(MatmulChoice, MatricesOfTheHardware) {
  if (!built("matmul_coopmat.q4_k")) GTEST_SKIP() << "the shader compiler knows no cooperative matrices";
  const MatmulVariant nvidia =
      choose_matmul(with_matrices(32, {size(16, 16, 16), size(16, 8, 16), size(16, 8, 8)}), kPrefill);
  EXPECT_EQ(nvidia.n, 8u);
  EXPECT_EQ(nvidia.k, 16u);
  vk::DeviceCaps intel = with_matrices(32, {size(8, 16, 16)});
  intel.vendor_id = 0x8086;
  intel.min_subgroup_size = 16;
  const MatmulVariant variant = choose_matmul(intel, kPrefill);
  EXPECT_EQ(variant.subgroup, 16u);
  EXPECT_EQ(variant.part_rows, 32u);
  EXPECT_EQ(variant.part_cols, 32u);
  EXPECT_FALSE(variant.ahead) << "no registers for it";
}

// Memory of the tile takes a matrix of each subgroup at the end.
TEST(MatmulChoice, ManySubgroupsNeedALargerTile) {
  if (!built("matmul_coopmat.q4_k")) GTEST_SKIP() << "the shader compiler knows no cooperative matrices";
  for (const MatmulVariant& v : matmul_candidates(with_matrices(8, {size(16, 16, 16)}), kPrefill))
    if (v.form == MatmulForm::kCoopmat) {
      EXPECT_LE(4 * v.workgroup / v.subgroup * v.m * v.n, 80 * (v.tile_rows + v.tile_cols));
    }
}

TEST(MatmulChoice, LargeTilesWhereTheyFillTheDevice) {
  const vk::DeviceCaps caps = plain();
  if (built("matmul_coopmat.q4_k")) {
    const vk::DeviceCaps matrices = with_matrices(32, {size(16, 16, 16)});
    EXPECT_EQ(choose_matmul(matrices, kPrefill).tile_cols, 128u);
    EXPECT_EQ(choose_matmul(matrices, {.type = kQ4, .rows = 14336, .cols = 4096, .n = 512}).tile_cols, 256u);
  }
  EXPECT_EQ(choose_matmul(caps, kPrefill).tile_rows, 128u);
  EXPECT_EQ(choose_matmul(caps, kPrefill).splits, 1u);
  EXPECT_EQ(choose_matmul(caps, {.type = kQ4, .rows = 128256, .cols = 4096, .n = 17}).tile_cols, 32u);
  const MatmulVariant small = choose_matmul(caps, {.type = kQ4, .rows = 1024, .cols = 14336, .n = 17});
  EXPECT_EQ(small.tile_rows, 32u);
  EXPECT_EQ(small.splits, 4u) << "32 tiles for 128 workgroups";
  EXPECT_EQ(choose_matmul(caps, {.type = kQ4, .rows = 1024, .cols = 256, .n = 17}).splits, 1u) << "too short to split";
}

TEST(MatmulChoice, LargeRowsOnSmallBindingsStayInF32) {
  vk::DeviceCaps caps = with_matrices(32, {size(16, 16, 16)});
  caps.integer_dot = caps.integer_dot_accelerated = true;
  caps.max_storage_range = 65536;
  for (const MatmulVariant& v : matmul_candidates(caps, kPrefill)) EXPECT_EQ(v.form, MatmulForm::kTiled);
}

}  // namespace pumice::test::matmul_choice_test
