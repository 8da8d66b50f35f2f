// matvec: every weight type, every column count that has a variant of its own, norm, bias, accumulation, the gated
// forms, slabs, and the choices made for CPUs and for GPUs.
#include "kernels/matvec.h"

#include <algorithm>
#include <cmath>

#include "reference/matvec.h"
#include "reference/numerics.h"
#include "support/device_fixture.h"
#include "support/precision.h"
#include "support/test_matrix.h"

namespace pumice::test::matvec_test {

struct MatvecCase {
  TensorType type;
  uint32_t rows, cols, n;
  bool norm = false, bias = false, accumulate = false;
  enum Gate { kNoGate, kSilu, kGelu } gate = kNoGate;
  uint32_t part_rows = 0, y_offset = 0, extra_stride = 0;
};

constexpr TensorType kF32 = TensorType::kF32, kF16 = TensorType::kF16, kQ4K = TensorType::kQ4_K,
                     kQ8 = TensorType::kQ8_0;

class MatvecTest : public DeviceTest {
 protected:
  // The inputs of one case, and the reference's answer with its tolerance.
  struct Work {
    TestMatrix w, up;
    std::vector<float> x, norm, bias, residual;
  };
  Work make(const MatvecCase& c, uint32_t seed);
  static std::vector<float> expected(const MatvecCase& c, const Work& work, std::span<const float> weights);
  std::vector<double> tolerances(const MatvecCase& c, const Work& work, uint32_t candidate);
  std::vector<MatvecVariant> candidates(const MatvecCase& c) {
    const auto type = static_cast<uint32_t>(*weight_type_for(c.type));
    return matvec_candidates(
        caps(), {.type = type, .rows = c.rows, .cols = c.cols, .n = c.n, .gated = c.gate != MatvecCase::kNoGate});
  }
  void check(Mask mask, const MatvecCase& c, uint32_t candidate = 0);
};

MatvecTest::Work MatvecTest::make(const MatvecCase& c, uint32_t seed) {
  Generator random(seed);
  Work work{.w = make_matrix(device(), c.type, c.rows, c.cols, seed, c.part_rows)};
  if (c.gate) work.up = make_matrix(device(), c.type, c.rows, c.cols, seed + 1);
  work.x = random.normals(c.n * c.cols);
  if (c.norm) work.norm = random.normals(c.cols, 1, 0.3);
  if (c.bias) work.bias = random.normals(c.rows);
  if (c.accumulate) work.residual = random.normals(c.n * c.rows);
  return work;
}

float factor(const MatvecCase& c) { return c.accumulate ? -1.0f : 1.0f; }

std::vector<float> MatvecTest::expected(const MatvecCase& c, const Work& work, std::span<const float> weights) {
  std::vector<float> multiplied(weights.begin(), weights.end());
  for (float& weight : multiplied) weight *= factor(c);
  if (c.gate)
    return reference::gate_up(
        {.x = work.x,
         .gate = weights,
         .up = work.up.values,
         .rows = c.rows,
         .cols = c.cols,
         .norm_weight = work.norm,
         .eps = 1e-5f,
         .activation = c.gate == MatvecCase::kSilu ? reference::Activation::kSilu : reference::Activation::kGelu});
  return reference::matvec({.x = work.x,
                            .w = multiplied,
                            .rows = c.rows,
                            .cols = c.cols,
                            .norm_weight = work.norm,
                            .eps = 1e-5f,
                            .bias = work.bias,
                            .residual = work.residual});
}

// A dot product's certain bound; with a norm, half the error of its mean square on top; through the activation by its
// slope (at most 1.13 for both) and its own error.
std::vector<double> MatvecTest::tolerances(const MatvecCase& c, const Work& work, uint32_t candidate) {
  const MatvecVariant variant = candidates(c)[candidate];
  // The lanes form sums 32 products and their scale a unit; with quants at 1 + q / 2^b in a float (all but Q8_0 and the
  // floats), whose sums are up to 8 times as large as those of the weights.
  const bool offset = is_quantised(c.type) && c.type != kQ8;
  const size_t terms =
      variant.lanes() ? c.cols / 32 + 40u * (offset ? 8 : 1) : c.cols / std::max(1u, variant.reduce.workgroup / 8);
  const size_t chain = terms + 64;
  const auto normed = c.norm ? reference::rms_norm(work.x, work.norm, 1e-5f) : work.x;
  const double gamma = reference::gamma_bound(chain, reference::Accumulator::kF32);
  const double relative = c.norm ? 1.5 * gamma + kDivision + kInverseSqrt + 3 * kRounding : gamma;
  std::vector<double> result;
  for (uint32_t i = 0; i < c.n; ++i) {
    const auto x = std::span<const float>(normed).subspan(i * c.cols, c.cols);
    double sum = 0;
    for (const float value : x) sum += std::fabs(static_cast<double>(value));
    for (uint32_t row = 0; row < c.rows; ++row) {
      const auto bound = [&](const TestMatrix& matrix) {
        const auto w = std::span<const float>(matrix.values).subspan(row * c.cols, c.cols);
        return relative * reference::absolute_dot(x, w) + matrix.value_error * sum + reference::kSmallestNormal;
      };
      if (!c.gate) {
        const double bias = c.bias ? std::fabs(work.bias[row]) : 0.0f;
        const double residual = c.accumulate ? std::fabs(work.residual[i * c.rows + row]) : 0.0f;
        result.push_back(bound(work.w) + 4 * kRounding * (bias + residual));
        continue;
      }
      const auto row_of = [&](const TestMatrix& m) {
        return std::span<const float>(m.values).subspan(row * c.cols, c.cols);
      };
      const double gate = reference::dot(x, row_of(work.w)), up = reference::dot(x, row_of(work.up));
      const bool silu = c.gate == MatvecCase::kSilu;
      const double active = silu ? reference::silu(gate) : reference::gelu(gate);
      const double active_error = 1.13 * bound(work.w) + (silu ? silu_error(gate, active) : gelu_error(gate, active));
      result.push_back(active_error * (std::fabs(up) + bound(work.up)) + std::fabs(active) * bound(work.up) +
                       4 * kRounding * std::fabs(active * up));
    }
  }
  return result;
}

void MatvecTest::check(Mask mask, const MatvecCase& c, uint32_t candidate) {
  SCOPED_TRACE(::testing::Message() << mask_name(mask) << " " << tensor_type_name(c.type) << " " << c.rows << " x "
                                    << c.cols << ", n " << c.n << ", norm " << c.norm << ", bias " << c.bias
                                    << ", accumulate " << c.accumulate << ", gate " << c.gate << ", candidate "
                                    << candidate);
  const Work work = make(c, c.rows + c.cols + c.n);
  const uint32_t x_stride = (c.cols + 3) / 4 * 4 + c.extra_stride, y_stride = c.y_offset + c.rows + c.extra_stride;
  FloatRows y = nan_rows(c.n, y_stride);
  if (c.accumulate) {
    std::vector<float> initial = nan_vector(size_t{c.n} * y_stride);
    for (float& value : initial) value = std::bit_cast<float>(kNanWord);
    for (uint32_t i = 0; i < c.n; ++i)
      std::copy_n(work.residual.begin() + i * c.rows, c.rows, initial.begin() + i * y_stride + c.y_offset);
    y.view = with_guard(buffer(initial));
  }
  run([&](Recorder recorder) {
    recorder.candidate = candidate;
    matvec(recorder, {.w = work.w.weights,
                      .up = c.gate ? &work.up.weights : nullptr,
                      .activation = c.gate == MatvecCase::kGelu ? Activation::kGelu : Activation::kSilu,
                      .x = rows(work.x, c.cols, x_stride),
                      .norm = c.norm ? whole(work.norm) : nullptr,
                      .eps = 1e-5f,
                      .factor = factor(c),
                      .bias = c.bias ? whole(work.bias) : nullptr,
                      .accumulate = c.accumulate,
                      .y = y,
                      .y_offset = c.y_offset,
                      .n = c.n});
  });
  const auto actual = read_rows(y, c.n, c.rows, c.y_offset);
  const auto allowed = tolerances(c, work, candidate);
  const auto verdict = reference::compare(actual, expected(c, work, work.w.values), allowed);
  EXPECT_TRUE(verdict) << verdict;
  auto wrong = with_wrong_value(work.w, work.x);
  // A gate's activation may hide one weight; not all of them.
  if (c.gate)
    for (float& value : wrong) value *= 1.01f;
  EXPECT_FALSE(reference::compare(actual, expected(c, work, wrong), allowed)) << "one wrong weight goes unseen";
  drop_buffers();
}

// All types in the shapes whose variants differ: one column, and several groups of them.
TEST_F(MatvecTest, AllWeightTypes) {
  for (const TensorType type : kWeightTensorTypes) {
    const uint32_t cols = is_quantised(type) ? 2 * tensor_type_info(type)->block_values : 64;
    check(Mask::kNone, {.type = type, .rows = 37, .cols = cols, .n = 1});
    check(Mask::kNone, {.type = type, .rows = 29, .cols = cols, .n = 17});
  }
}

TEST_F(MatvecTest, AllWeightTypesThroughSharedMemory) {
  use(Mask::kShared);
  for (const TensorType type : kWeightTensorTypes) {
    const uint32_t cols = is_quantised(type) ? 3 * tensor_type_info(type)->block_values : 288;
    check(Mask::kShared, {.type = type, .rows = 37, .cols = cols, .n = 1});
  }
}

TEST_F(MatvecTest, ColumnCounts) {
  for (const Mask mask : {Mask::kNone, Mask::kDiscrete}) {
    use(mask);
    for (const uint32_t n : {1u, 2u, 3u, 4u, 5u, 6u, 8u, 9u, 11u, 16u, 17u, 33u})
      check(mask, {.type = kQ8, .rows = 21, .cols = 96, .n = n, .extra_stride = 4});
  }
}

// Row lengths that are no multiple of 32, of 16 or of 4.
TEST_F(MatvecTest, OddRowLengths) {
  for (const Mask mask : {Mask::kNone, Mask::kShared}) {
    use(mask);
    for (const uint32_t cols : {1u, 3u, 13u, 33u, 47u, 49u, 172u}) {
      check(mask, {.type = kF32, .rows = 9, .cols = cols, .n = 2});
      check(mask, {.type = kF32, .rows = 9, .cols = cols, .n = 2, .norm = true});
    }
    check(mask, {.type = kF16, .rows = 8, .cols = 47, .n = 2});
    check(mask, {.type = TensorType::kBF16, .rows = 1, .cols = 33, .n = 2});
  }
}

TEST_F(MatvecTest, FusedForms) {
  for (const Mask mask : {Mask::kNone, Mask::kShared}) {
    use(mask);
    for (const uint32_t n : {1u, 7u}) {
      check(mask, {.type = kQ4K, .rows = 21, .cols = 256, .n = n, .norm = true, .bias = true, .y_offset = 3});
      check(mask, {.type = kQ4K, .rows = 21, .cols = 256, .n = n, .bias = true, .accumulate = true});
      check(mask, {.type = kQ4K, .rows = 21, .cols = 256, .n = n, .norm = true, .gate = MatvecCase::kSilu});
      check(
          mask,
          {.type = kF32, .rows = 21, .cols = 100, .n = n, .norm = true, .gate = MatvecCase::kGelu, .extra_stride = 8});
    }
  }
}

TEST_F(MatvecTest, SeveralRowsALane) {
  check(Mask::kNone, {.type = kQ4K, .rows = 301, .cols = 256, .n = 1});
  check(Mask::kNone, {.type = kQ8, .rows = 301, .cols = 64, .n = 3});
  check(Mask::kNone, {.type = kQ8, .rows = 131, .cols = 64, .n = 1, .gate = MatvecCase::kSilu});
  check(Mask::kNone, {.type = kF32, .rows = 129, .cols = 40, .n = 1});
}

// Whatever tuning may choose, for rows that end in the midst of what a lane loads ahead, or leave lanes without any.
TEST_F(MatvecTest, EveryCandidate) {
  for (const Mask mask : {Mask::kDiscrete, Mask::kShared}) {
    use(mask);
    for (const MatvecCase& c :
         {MatvecCase{.type = TensorType::kQ4_0, .rows = 70, .cols = 864, .n = 1, .norm = true},
          MatvecCase{.type = TensorType::kQ6_K, .rows = 37, .cols = 2816, .n = 1, .bias = true},
          MatvecCase{.type = kQ4K, .rows = 37, .cols = 1280, .n = 1, .accumulate = true},
          MatvecCase{.type = kF16, .rows = 21, .cols = 1003, .n = 1},
          MatvecCase{.type = kQ8, .rows = 37, .cols = 96, .n = 3},
          MatvecCase{
              .type = TensorType::kQ5_0, .rows = 45, .cols = 1120, .n = 1, .norm = true, .gate = MatvecCase::kSilu}})
      for (uint32_t candidate = 0; candidate < candidates(c).size(); ++candidate) check(mask, c, candidate);
  }
}

// What software drivers with a better compiler get: more rows and columns a lane, and groups of 5 and 4 columns; or,
// by address, of 6 and 5.
TEST_F(MatvecTest, LargeKernels) {
  use(Mask::kNewCompiler);
  check(Mask::kNewCompiler, {.type = kQ8, .rows = 790, .cols = 64, .n = 1});
  check(Mask::kNewCompiler, {.type = kQ8, .rows = 301, .cols = 64, .n = 9});
  check(Mask::kNewCompiler, {.type = kQ8, .rows = 400, .cols = 64, .n = 1, .gate = MatvecCase::kSilu});
  check(Mask::kNewCompiler, {.type = kQ8, .rows = 37, .cols = 96, .n = 11, .norm = true});
  check(Mask::kNewCompiler, {.type = kQ4K, .rows = 45, .cols = 256, .n = 7, .norm = true, .bias = true});
  for (const uint32_t cols : {1u, 30u, 33u, 49u})
    check(Mask::kNewCompiler, {.type = kF32, .rows = 9, .cols = cols, .n = 5});
}

TEST_F(MatvecTest, StackedTensorsInSeveralSlabs) {
  use(Mask::kSmallBindings);
  check(Mask::kSmallBindings,
        {.type = kF32, .rows = 150, .cols = 64, .n = 2, .bias = true, .part_rows = 72, .y_offset = 5});
  check(Mask::kSmallBindings, {.type = kQ4K, .rows = 203, .cols = 256, .n = 1, .accumulate = true, .part_rows = 104});
  check(Mask::kSmallBindings, {.type = kQ8, .rows = 301, .cols = 96, .n = 1, .gate = MatvecCase::kSilu});
}

// On software drivers: what a later cache hit relies on.
TEST_F(MatvecTest, ARowOfYDependsOnItsRowOfXAlone) {
  constexpr uint32_t kRows = 150, kCols = 512;
  if (!choose_matvec(caps(), {.rows = kRows, .cols = kCols}).lanes()) GTEST_SKIP() << "only promised there";
  for (const TensorType type : {kF16, kQ8, TensorType::kQ4_0, kQ4K, TensorType::kQ6_K}) {
    const TestMatrix matrix = make_matrix(device(), type, kRows, kCols, 5);
    Generator random(6);
    const std::vector<float> x = random.normals(17 * kCols), norm = random.normals(kCols, 1, 0.3);
    std::vector<float> all;
    for (const uint32_t n : {17u, 11u, 6u, 5u, 2u, 1u}) {
      SCOPED_TRACE(::testing::Message() << tensor_type_name(type) << ", n " << n);
      const FloatRows y = nan_rows(n, kRows);
      run([&](Recorder recorder) {
        matvec(recorder, {.w = matrix.weights,
                          .x = rows(std::span(x).first(n * kCols), kCols, kCols),
                          .norm = whole(norm),
                          .eps = 1e-5f,
                          .y = y,
                          .n = n});
      });
      const std::vector<float> actual = read_rows(y, n, kRows, 0);
      if (n == 17) all = actual;
      EXPECT_TRUE(std::equal(actual.begin(), actual.end(), all.begin()));
      EXPECT_FALSE(n > 1 && std::equal(actual.begin(), actual.begin() + kRows, actual.begin() + kRows));
      drop_buffers();
    }
  }
}

TEST(ChooseMatvec, CoversAllColumnsInEqualGroups) {
  vk::DeviceCaps cpu;
  cpu.type = vk::DeviceType::kCpu;
  vk::DeviceCaps gpu;
  gpu.type = vk::DeviceType::kDiscrete;
  gpu.subgroup_size = 32, gpu.fixed_subgroup = gpu.subgroup_shuffle = true, gpu.max_workgroup_invocations = 1024;
  for (const vk::DeviceCaps* caps : {&cpu, &gpu})
    for (uint32_t n = 1; n <= 64; ++n) {
      const MatvecVariant variant = choose_matvec(*caps, {.rows = 4096, .cols = 4096, .n = n});
      EXPECT_LE(variant.cols_per_group, 16u);
      EXPECT_TRUE(n > 16 || variant.cols_per_group >= n);
      EXPECT_LT(divide_up(n, variant.cols_per_group) * variant.cols_per_group - n, divide_up(n, 16)) << n;
    }
  EXPECT_FALSE(choose_matvec(cpu, {.rows = 4096, .cols = 4096}).lanes());
  EXPECT_EQ(choose_matvec(cpu, {.rows = 4096, .cols = 4096}).reduce.workgroup, 8u);
  EXPECT_EQ(choose_matvec(cpu, {.rows = 4096, .cols = 4096}).rows_per_lane, 4u);
  EXPECT_EQ(choose_matvec(cpu, {.rows = 64, .cols = 4096}).rows_per_lane, 1u);
  EXPECT_EQ(choose_matvec(gpu, {.rows = 4096, .cols = 4096}).reduce.form, ShaderForm::kSubgroup);
  // More lanes share a row where there are few rows, as far as a row has units for them.
  EXPECT_EQ(choose_matvec(gpu, {.rows = 4096, .cols = 4096}).reduce.workgroup, 256u);
  EXPECT_EQ(choose_matvec(gpu, {.rows = 14336, .cols = 4096}).reduce.workgroup, 64u);
  EXPECT_EQ(choose_matvec(gpu, {.rows = 128256, .cols = 4096}).reduce.workgroup, 32u);
  EXPECT_EQ(choose_matvec(gpu, {.rows = 576, .cols = 576}).reduce.workgroup, 64u);
  EXPECT_EQ(choose_matvec(gpu, {.rows = 4096, .cols = 4096, .n = 2}).reduce.workgroup, 32u);
  gpu.subgroup_shuffle = false;
  EXPECT_EQ(choose_matvec(gpu, {.rows = 4096, .cols = 4096}).reduce.form, ShaderForm::kShared);
}

TEST(ChooseMatvec, OldGpusLoadOneWideUnitAhead) {
  vk::DeviceCaps caps;
  caps.vendor_id = 0x1002;
  caps.type = vk::DeviceType::kDiscrete;
  const auto ahead = [&](uint32_t type, bool gated) {
    const MatvecShape shape{.type = type, .rows = 4096, .cols = 4096, .n = 1, .gated = gated};
    return choose_matvec(caps, shape).units_ahead;
  };
  for (const uint32_t type : {kWeightF16, kWeightBF16, kWeightQ8_0}) {
    caps.integer_dot_accelerated = false;
    EXPECT_EQ(ahead(type, false), 1u);
    EXPECT_EQ(ahead(type, true), 1u);
    caps.integer_dot_accelerated = true;
    EXPECT_EQ(ahead(type, false), 2u);
  }
  caps.integer_dot_accelerated = false;
  EXPECT_EQ(ahead(kWeightQ4_0, false), 2u);
}

TEST(ChooseMatvec, SoftwareDriversHaveRowsOfTheirOwnInEachLane) {
  vk::DeviceCaps caps;
  caps.type = vk::DeviceType::kCpu;
  caps.subgroup_size = 8, caps.int64 = caps.subgroup_shuffle = true;
  for (const uint32_t mesa : {22u, 26u}) {
    caps.driver_major = mesa;
    for (const bool gated : {false, true})
      for (const uint32_t rows : {1u, 192u, 576u, 49152u})
        for (uint32_t n = 1; n <= 64; ++n) {
          const MatvecVariant variant = choose_matvec(caps, {.rows = rows, .cols = 576, .n = n, .gated = gated});
          ASSERT_TRUE(variant.lanes());
          EXPECT_EQ(variant.rows_per_lane % 2, 0u);
          EXPECT_GE(variant.rows_per_lane, 2u);
          // No more groups than columns need, and no larger ones.
          const uint32_t groups = divide_up(n, variant.cols_per_group);
          EXPECT_EQ(variant.cols_per_group, divide_up(n, groups));
          EXPECT_LE(variant.rows_per_lane * variant.cols_per_group * (gated ? 2 : 1), 20u);
        }
  }
  EXPECT_EQ(choose_matvec(caps, {.rows = 4096, .cols = 576}).rows_per_group(), 64u);
  EXPECT_EQ(choose_matvec(caps, {.rows = 192, .cols = 576}).rows_per_lane, 2u);
  EXPECT_FALSE(choose_matvec(caps, {.rows = 4096, .cols = 577}).lanes());
  caps.subgroup_size = 16;
  EXPECT_FALSE(choose_matvec(caps, {.rows = 4096, .cols = 576}).lanes());
  caps.subgroup_size = 4, caps.int64 = false;
  EXPECT_FALSE(choose_matvec(caps, {.rows = 4096, .cols = 576}).lanes());
}

}  // namespace pumice::test::matvec_test
