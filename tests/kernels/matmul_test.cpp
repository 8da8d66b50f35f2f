// matmul: tiles of 64 x 64 at their borders, every weight type, bias, accumulation and slabs; linear() chooses.
#include "kernels/matmul.h"

#include <algorithm>
#include <cmath>

#include "kernels/matvec.h"
#include "reference/matmul.h"
#include "reference/numerics.h"
#include "support/device_fixture.h"
#include "support/precision.h"
#include "support/test_matrix.h"

namespace pumice::test {
namespace {

struct MatmulCase {
  TensorType type;
  uint32_t rows, cols, n;
  bool bias = false, accumulate = false;
  uint32_t y_offset = 0, extra_stride = 0;
};

constexpr TensorType kF32 = TensorType::kF32, kQ8 = TensorType::kQ8_0;

class MatmulTest : public DeviceTest {
 protected:
  using Operation = void (*)(Recorder, const MatmulArgs&);
  void check(const MatmulCase& c, Operation operation = matmul);
};

void MatmulTest::check(const MatmulCase& c, Operation operation) {
  SCOPED_TRACE(::testing::Message() << tensor_type_name(c.type) << " " << c.rows << " x " << c.cols << ", n " << c.n);
  Generator random(c.rows + c.n);
  const TestMatrix w = make_matrix(device(), c.type, c.rows, c.cols, c.n);
  const auto x = random.normals(c.n * c.cols), bias = random.normals(c.rows);
  const auto residual = random.normals(c.n * c.rows);
  const uint32_t y_stride = c.y_offset + c.rows + c.extra_stride;
  FloatRows y = nan_rows(c.n, y_stride);
  if (c.accumulate) {
    std::vector<float> initial(size_t{c.n} * y_stride, std::bit_cast<float>(kNanWord));
    for (uint32_t i = 0; i < c.n; ++i)
      std::copy_n(residual.begin() + i * c.rows, c.rows, initial.begin() + i * y_stride + c.y_offset);
    y.view = with_guard(buffer(initial));
  }
  run([&](Recorder recorder) {
    operation(recorder, {.w = w.weights,
                         .x = rows(x, c.cols, (c.cols + 3) / 4 * 4 + c.extra_stride),
                         .bias = c.bias ? whole(bias) : nullptr,
                         .accumulate = c.accumulate,
                         .y = y,
                         .y_offset = c.y_offset,
                         .n = c.n});
  });
  const auto expected = [&](std::span<const float> weights) {
    auto result = reference::matmul(x, weights, c.rows, c.cols);
    for (size_t i = 0; i < result.size(); ++i)
      result[i] += (c.bias ? bias[i % c.rows] : 0.0f) + (c.accumulate ? residual[i] : 0.0f);
    return result;
  };
  std::vector<double> allowed;
  for (uint32_t i = 0; i < c.n; ++i)
    for (uint32_t row = 0; row < c.rows; ++row) {
      const auto xi = std::span<const float>(x).subspan(i * c.cols, c.cols);
      double sum = 0;
      for (const float value : xi) sum += std::fabs(static_cast<double>(value));
      const double absolute = reference::absolute_dot(xi, std::span(w.values).subspan(row * c.cols, c.cols));
      allowed.push_back(reference::dot_tolerance(c.cols, absolute + 10) +
                        w.value_error * sum);  // bias and residual: below 10
    }
  const auto actual = read_rows(y, c.n, c.rows, c.y_offset);
  const auto verdict = reference::compare(actual, expected(w.values), allowed);
  EXPECT_TRUE(verdict) << verdict;
  const auto wrong = with_wrong_value(w, x);
  EXPECT_FALSE(reference::compare(actual, expected(wrong), allowed)) << "one wrong weight goes unseen";
  drop_buffers();
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

TEST_F(MatmulTest, LinearChooses) {
  for (const Mask mask : {Mask::kNone, Mask::kDiscrete}) {
    use(mask);
    check({.type = kQ8, .rows = 40, .cols = 64, .n = 16, .bias = true}, linear);
    check({.type = kQ8, .rows = 40, .cols = 64, .n = 17, .bias = true}, linear);
  }
}

}  // namespace
}  // namespace pumice::test
