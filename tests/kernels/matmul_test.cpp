// matmul: every form, tile and split at its borders, every weight type, bias, accumulation and slabs; linear() chooses.
#include "kernels/matmul.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "kernels/matvec.h"
#include "reference/matmul.h"
#include "reference/numerics.h"
#include "shared/matmul.h"
#include "support/device_fixture.h"
#include "support/precision.h"
#include "support/test_matrix.h"

namespace pumice::test::matmul_test {

struct MatmulCase {
  TensorType type;
  uint32_t rows, cols, n;
  bool bias = false, accumulate = false;
  uint32_t y_offset = 0, extra_stride = 0;
  float x_size = 1.0f;
  std::optional<MatmulVariant> variant = {};
  bool prepared = false;  // x is quantized by the caller
};

constexpr TensorType kF32 = TensorType::kF32, kF16 = TensorType::kF16, kQ8 = TensorType::kQ8_0;

bool rounds_to_8_bits(MatmulForm form) { return form == MatmulForm::kDot || form == MatmulForm::kDotVector; }

// Of what matmul_coopmat_half rounds to f16: the sums of a group of units after each 8 values, the fewest that a
// multiplication adds.
double sizes_of_half_sums(std::span<const float> x, std::span<const float> w) {
  constexpr size_t kAdded = 8, kFolded = kMatmulFoldedUnits * kUnitValues;
  double sizes = 0, sum = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    if (i % kFolded == 0) sum = 0;
    sum += static_cast<double>(x[i]) * static_cast<double>(w[i]);
    if (i % kAdded == kAdded - 1 || i + 1 == x.size()) sizes += std::fabs(sum);
  }
  return sizes;
}

// How far a dot product of one row of x with one of W may lie from the reference, beyond the rounding of sums in f32:
// what the operands lose by being rounded. `largest` is the largest weight.
//   kCoopmat: each operand has a relative error of 2^-11, or is flushed to 0: weights below 2^-14, and inputs below
//   2^-28 of the row's largest, which is scaled to 2^14. The hardware may truncate sums: twice the error of rounding.
//   kCoopmatHalf: inputs below 2^-16 of the row's largest are flushed, and each sum in f16 loses 2^-11 of what it is.
//   kDot: inputs are rounded to a step d = max / 127 of their unit, an error uniform in [-d/2, d/2] and independent for
//   each: six standard deviations, sqrt(sum (w d)^2 / 12). The device adds d q and m apart, together below 6 times the
//   largest weight.
double operand_error(MatmulForm form, std::span<const float> x, std::span<const float> w, double largest) {
  const bool half_sums = form == MatmulForm::kCoopmatHalf;
  const double flushed = half_sums ? 0x1p-16 : 0x1p-28;
  double highest = 0, error = 0, variance = 0, sizes = 0;
  for (const float value : x) highest = std::max(highest, std::fabs(static_cast<double>(value)));
  if (form == MatmulForm::kTiled || form == MatmulForm::kPanel) return 0;
  for (size_t from = 0; from < x.size(); from += kUnitValues) {
    const size_t end = std::min(x.size(), from + kUnitValues);
    double top = 0;
    for (size_t i = from; i < end; ++i) top = std::max(top, std::fabs(static_cast<double>(x[i])));
    for (size_t i = from; i < end; ++i) {
      const double xi = std::fabs(static_cast<double>(x[i])), wi = std::fabs(static_cast<double>(w[i]));
      error += xi * wi * 0x1.01p-10 + (wi < 0x1p-14 ? xi * wi : 0) + highest * flushed * wi;
      variance += wi * wi * top * top / (127.0 * 127.0 * 12.0);
      sizes += xi + top / 254;
    }
  }
  if (half_sums) error += 0x1p-11 * sizes_of_half_sums(x, w);
  if (half_sums || form == MatmulForm::kCoopmat || form == MatmulForm::kCoopmat2)
    return error + 2 * reference::dot_tolerance(x.size(), reference::absolute_dot(x, w));
  return 6.0 * std::sqrt(variance) + reference::dot_tolerance(x.size() / 8, 6 * largest * sizes);
}

class MatmulTest : public DeviceTest {
 protected:
  using Operation = void (*)(Recorder, const MatmulArgs&);
  void check(const MatmulCase& c, Operation operation = matmul);
  void check_all_variants(const MatmulCase& c);
  std::vector<double> tolerances(const MatmulCase& c, const TestMatrix& w, std::span<const float> x);
  static MatmulShape shape_of(const MatmulCase& c) {
    const auto type = static_cast<uint32_t>(*weight_type_for(c.type));
    return {.type = type, .rows = c.rows, .cols = c.cols, .n = c.n};
  }
  MatmulForm form_of(const MatmulCase& c) {
    return c.variant ? c.variant->form : choose_matmul(caps(), shape_of(c)).form;
  }
  // What the device is given when it says that it is a discrete GPU of NVIDIA's, for which all forms are tried, and
  // what CPUs have.
  std::vector<MatmulVariant> variants(const MatmulCase& c) {
    vk::DeviceCaps gpu = caps();
    gpu.type = vk::DeviceType::kDiscrete;
    gpu.vendor_id = 0x10de;
    std::vector<MatmulVariant> all = matmul_candidates(gpu, shape_of(c));
    if (caps().buffer_address && caps().fixed_subgroup && caps().subgroup_size == kMatmulPanelLanes)
      all.push_back(panel_variant());
    return all;
  }
};

std::vector<double> MatmulTest::tolerances(const MatmulCase& c, const TestMatrix& w, std::span<const float> x) {
  double largest = 0;
  for (const float value : w.values) largest = std::max(largest, std::fabs(static_cast<double>(value)));
  std::vector<double> allowed;
  for (uint32_t i = 0; i < c.n; ++i)
    for (uint32_t row = 0; row < c.rows; ++row) {
      const auto xi = x.subspan(i * c.cols, c.cols);
      const auto wi = std::span<const float>(w.values).subspan(row * c.cols, c.cols);
      double sum = 0;
      for (const float value : xi) sum += std::fabs(static_cast<double>(value));
      const double absolute = reference::absolute_dot(xi, wi);
      const double added = c.bias || c.accumulate ? 10 : 0;  // bias and residual: below 10
      allowed.push_back(reference::dot_tolerance(c.cols, absolute + added) + w.value_error * sum +
                        operand_error(form_of(c), xi, wi, largest));
    }
  return allowed;
}

void MatmulTest::check(const MatmulCase& c, Operation operation) {
  SCOPED_TRACE(::testing::Message() << tensor_type_name(c.type) << " " << c.rows << " x " << c.cols << ", n " << c.n);
  Generator random(c.rows + c.n);
  const TestMatrix w = make_matrix(device(), c.type, c.rows, c.cols, c.n);
  auto x = random.normals(c.n * c.cols);
  for (float& value : x) value *= c.x_size;
  const auto bias = random.normals(c.rows), residual = random.normals(c.n * c.rows);
  const uint32_t y_stride = c.y_offset + c.rows + c.extra_stride;
  FloatRows y = nan_rows(c.n, y_stride);
  if (c.accumulate) {
    std::vector<float> initial(size_t{c.n} * y_stride, std::bit_cast<float>(kNanWord));
    for (uint32_t i = 0; i < c.n; ++i)
      std::copy_n(residual.begin() + i * c.rows, c.rows, initial.begin() + i * y_stride + c.y_offset);
    y.view = with_guard(buffer(initial));
  }
  const float factor = c.accumulate ? -1.0f : 1.0f;
  const FloatRows x_rows = rows(x, c.cols, (c.cols + 3) / 4 * 4 + c.extra_stride);
  const auto form = rounds_to_8_bits(form_of(c))               ? QuantizedForm::kQ8
                    : form_of(c) == MatmulForm::kCoopmatHalf ? QuantizedForm::kF16Low
                                                              : QuantizedForm::kF16;
  std::optional<QuantizedRows> prepared = QuantizedRows{.form = form,
                                                        .words = words(quantized_word_bytes(form, c.cols, c.n) / 4),
                                                        .scales = words(quantized_scale_bytes(form, c.cols, c.n) / 4)};
  run([&](Recorder recorder) {
    if (c.prepared) quantize(recorder, {.x = x_rows, .y = *prepared, .cols = c.cols, .n = c.n});
    operation(recorder, {.w = w.weights,
                         .x = x_rows,
                         .factor = factor,
                         .bias = c.bias ? whole(bias) : nullptr,
                         .accumulate = c.accumulate,
                         .y = y,
                         .y_offset = c.y_offset,
                         .n = c.n,
                         .variant = c.variant,
                         .quantized = c.prepared ? &prepared : nullptr});
  });
  const auto expected = [&](std::span<const float> weights) {
    auto result = reference::matmul(x, weights, c.rows, c.cols);
    for (size_t i = 0; i < result.size(); ++i)
      result[i] = factor * result[i] + (c.bias ? bias[i % c.rows] : 0.0f) + (c.accumulate ? residual[i] : 0.0f);
    return result;
  };
  const std::vector<double> allowed = tolerances(c, w, x);
  const auto actual = read_rows(y, c.n, c.rows, c.y_offset);
  const auto verdict = reference::compare(actual, expected(w.values), allowed);
  EXPECT_TRUE(verdict) << verdict;
  // A tenth of the largest weight is seen, with inputs of 8 bits the whole of it.
  auto wrong = with_wrong_value(w, x);
  if (rounds_to_8_bits(form_of(c)))
    for (size_t i = 0; i < wrong.size(); ++i) wrong[i] += 9.0f * (wrong[i] - w.values[i]);
  EXPECT_FALSE(reference::compare(actual, expected(wrong), allowed)) << "one wrong weight goes unseen";
  drop_buffers();
}

void MatmulTest::check_all_variants(const MatmulCase& c) {
  for (const MatmulVariant& variant : variants(c)) {
    SCOPED_TRACE(::testing::Message() << "form " << static_cast<int>(variant.form) << ", " << variant.tile_rows << " x "
                                      << variant.tile_cols << ", " << variant.splits << " splits, matrix " << variant.m
                                      << " x " << variant.n << " x " << variant.k);
    MatmulCase with = c;
    with.variant = variant;
    check(with);
    if (!variant.matrices()) continue;
    with.variant->ahead = !variant.ahead;
    with.variant->rows_kept = !variant.rows_kept;
    check(with);
  }
}

TEST_F(MatmulTest, AllWeightTypes) {
  for (const TensorType type : kWeightTensorTypes)
    check({.type = type,
           .rows = 37,
           .cols = is_quantised(type) ? tensor_type_info(type)->block_values * 2 : 64,
           .n = 17});
}

TEST_F(MatmulTest, TileBorders) {
  for (const uint32_t n : {1u, 16u, 33u, 64u, 65u})
    check({.type = kQ8, .rows = 64, .cols = 96, .n = n, .extra_stride = 4});
  for (const uint32_t rows : {1u, 8u, 63u, 65u, 130u}) check({.type = kQ8, .rows = rows, .cols = 64, .n = 9});
  for (const uint32_t cols : {1u, 3u, 30u, 33u, 49u, 172u}) check({.type = kF32, .rows = 9, .cols = cols, .n = 5});
}

TEST_F(MatmulTest, BiasAndAccumulation) {
  check({.type = kQ8, .rows = 70, .cols = 64, .n = 20, .bias = true, .y_offset = 3, .extra_stride = 4});
  check({.type = kQ8, .rows = 70, .cols = 64, .n = 20, .bias = true, .accumulate = true, .y_offset = 5});
}

TEST_F(MatmulTest, SeveralSlabs) {
  use(Mask::kSmallBindings);
  check({.type = kF32, .rows = 150, .cols = 64, .n = 18, .bias = true, .accumulate = true, .y_offset = 2});
}

TEST_F(MatmulTest, EveryVariant) {
  check_all_variants({.type = kQ8, .rows = 130, .cols = 544, .n = 33, .bias = true, .y_offset = 1, .extra_stride = 4});
  check_all_variants({.type = kQ8, .rows = 40, .cols = 64, .n = 127, .accumulate = true});
  check_all_variants({.type = kQ8, .rows = 140, .cols = 96, .n = 250});
  check_all_variants({.type = kF16, .rows = 129, .cols = 530, .n = 64, .bias = true, .accumulate = true});
  for (const uint32_t n : {1u, 5u, 8u})
    check_all_variants({.type = kQ8, .rows = 21, .cols = 288, .n = n, .bias = true, .accumulate = true, .y_offset = 1});
  check_all_variants({.type = kF32, .rows = 37, .cols = 513, .n = 17, .bias = true});
}

TEST_F(MatmulTest, EveryFormOfEveryWeightType) {
  for (const TensorType type : kWeightTensorTypes) {
    std::vector<MatmulForm> seen;
    const uint32_t cols = is_quantised(type) ? tensor_type_info(type)->block_values * 2 : 72;
    for (const MatmulVariant& variant : variants({.type = type, .rows = 37, .cols = cols, .n = 17})) {
      if (std::find(seen.begin(), seen.end(), variant.form) != seen.end()) continue;
      seen.push_back(variant.form);
      SCOPED_TRACE(::testing::Message() << "form " << static_cast<int>(variant.form));
      check({.type = type, .rows = 37, .cols = cols, .n = 17, .variant = variant});
      check({.type = type, .rows = 12, .cols = cols, .n = 3, .variant = variant, .prepared = true});
    }
    for (const MatmulVariant& variant : variants({.type = type, .rows = 21, .cols = cols, .n = 2}))
      if (variant.form == MatmulForm::kDotVector)
        check({.type = type, .rows = 21, .cols = cols, .n = 2, .variant = variant, .prepared = variant.part_rows == 1});
    RecordProperty(std::string("forms_") + std::string(tensor_type_name(type)), static_cast<int>(seen.size()));
  }
}

// Splits that do not divide the units, and more splits than units.
TEST_F(MatmulTest, AnySplits) {
  for (MatmulVariant variant : variants({.type = kQ8, .rows = 40, .cols = 160, .n = 20}))
    for (const uint32_t splits : {3u, 16u}) {
      variant.splits = splits;
      check({.type = kQ8, .rows = 40, .cols = 160, .n = 20, .bias = true, .accumulate = true, .variant = variant});
    }
}

// Beyond the range of f16, and so small that f16 would lose them.
TEST_F(MatmulTest, LargeAndSmallInputs) {
  for (const MatmulVariant& variant : variants({.type = kQ8, .rows = 40, .cols = 96, .n = 20}))
    for (const float size : {1e6f, 1e30f, 1e-9f})
      check({.type = kQ8, .rows = 40, .cols = 96, .n = 20, .x_size = size, .variant = variant});
}

// The parts are added in the order of the splits, whichever workgroup comes last, and the counters are left at 0.
TEST_F(MatmulTest, SplitsGiveTheSameBitsEachTime) {
  constexpr uint32_t kRows = 96, kCols = 2048, kN = 20;
  const TestMatrix w = make_matrix(device(), kQ8, kRows, kCols, 1);
  const auto x = rows(Generator(1).normals(kN * kCols), kCols);
  std::vector<float> first;
  for (uint32_t round = 0; round < 4; ++round) {
    const FloatRows y = nan_rows(kN, kRows), again = nan_rows(kN, kRows);
    run([&](Recorder recorder) {
      for (const FloatRows& to : {y, again})
        matmul(recorder, {.w = w.weights, .x = x, .y = to, .n = kN, .variant = MatmulVariant{.splits = 7}});
    });
    for (const FloatRows& from : {y, again}) {
      const auto values = read_rows(from, kN, kRows);
      if (first.empty()) first = values;
      EXPECT_EQ(std::memcmp(values.data(), first.data(), 4 * values.size()), 0);
    }
  }
}

TEST_F(MatmulTest, LinearChooses) {
  for (const Mask mask : {Mask::kNone, Mask::kDiscrete}) {
    use(mask);
    check({.type = kQ8, .rows = 40, .cols = 64, .n = 16, .bias = true}, linear);
    check({.type = kQ8, .rows = 40, .cols = 64, .n = 17, .bias = true}, linear);
  }
}

}  // namespace pumice::test::matmul_test
