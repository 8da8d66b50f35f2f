// embedding: rows of tables of every weight type, in one slab and in several.
#include "kernels/embedding.h"

#include <cmath>

#include "reference/embedding.h"
#include "reference/numerics.h"
#include "support/device_fixture.h"
#include "support/step_rows.h"
#include "support/test_matrix.h"

namespace pumice::test::embedding_test {

class EmbeddingTest : public DeviceTest {
 protected:
  void check(TensorType type, uint32_t vocabulary, uint32_t cols, float scale, bool several_slabs) {
    SCOPED_TRACE(::testing::Message() << tensor_type_name(type) << " " << vocabulary << " x " << cols);
    const TestMatrix table = make_matrix(device(), type, vocabulary, cols, 3);
    EXPECT_EQ(table.weights.slabs.size() > 1, several_slabs);
    std::vector<uint32_t> tokens = {0, vocabulary - 1, 1, 7, 8, 7};
    for (const WeightSlab& slab : table.weights.slabs) tokens.push_back(slab.first_row + slab.rows - 1);
    std::vector<StepRow> rows = step_rows_at(tokens);
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = {tokens[i], 77, 1, 1};
    const auto n = static_cast<uint32_t>(rows.size());
    const FloatRows y = nan_rows(n, cols + 5);
    run([&](Recorder recorder) {
      embedding(recorder, {.table = table.weights, .step_rows = buffer(rows), .y = y, .n = n, .scale = scale});
    });
    const auto actual = read_rows(y, n, cols);
    const double allowed = table.value_error * std::fabs(static_cast<double>(scale));
    const auto verdict = reference::compare(actual, reference::embedding(table.values, vocabulary, cols, tokens, scale),
                                            allowed, 2 * 0x1p-24);
    EXPECT_TRUE(verdict) << verdict;
    tokens[1] = 0;
    EXPECT_FALSE(reference::compare(actual, reference::embedding(table.values, vocabulary, cols, tokens, scale),
                                    allowed, 2 * 0x1p-24));
    drop_buffers();
  }
};

TEST_F(EmbeddingTest, AllWeightTypes) {
  for (const TensorType type : kWeightTensorTypes) check(type, 37, tensor_type_info(type)->block_values * 2, 1, false);
}

TEST_F(EmbeddingTest, AddsRowsByPosition) {
  constexpr uint32_t kCols = 40;
  const TestMatrix table = make_matrix(device(), TensorType::kF32, 50, kCols, 3);
  const std::vector<uint32_t> positions = {49, 0, 7};
  const auto before = Generator(2).normals(positions.size() * kCols);
  std::vector<StepRow> steps = step_rows_at(positions);
  for (StepRow& row : steps) row.token = 1;
  const FloatRows y = rows(before, kCols, kCols);
  run([&](Recorder recorder) {
    embedding(recorder, {.table = table.weights,
                         .step_rows = buffer(steps),
                         .y = y,
                         .n = 3,
                         .row = EmbeddingRow::kOfPosition,
                         .accumulate = true});
  });
  auto expected = reference::embedding(table.values, 50, kCols, positions, 1);
  const auto actual = read_rows(y, 3, kCols);
  EXPECT_FALSE(reference::compare(actual, expected, 1e-6, 1e-6));
  for (size_t i = 0; i < expected.size(); ++i) expected[i] += before[i];
  const auto verdict = reference::compare(actual, expected, 1e-6, 1e-6);
  EXPECT_TRUE(verdict) << verdict;
}

TEST_F(EmbeddingTest, OddRowLengths) {
  check(TensorType::kF32, 9, 33, 1, false);
  check(TensorType::kF16, 11, 47, 11.5f, false);
  check(TensorType::kQ4_0, 9, 96, 8, false);
}

// The row of a sequence whose logits were not finite is left as it is.
TEST_F(EmbeddingTest, NoRowForTokenNotFinite) {
  for (const Mask mask : {Mask::kNone, Mask::kSmallBindings}) {
    use(mask);
    const TestMatrix table = make_matrix(device(), TensorType::kF32, 101, 100, 3);
    const FloatRows y = nan_rows(1, 100);
    run([&](Recorder recorder) {
      embedding(recorder, {.table = table.weights,
                           .step_rows = buffer_of(StepRow{.token = kTokenNotFinite, .position = 5, .slot = 0}),
                           .y = y});
    });
    for (const float value : read_rows(y, 1, 100)) EXPECT_TRUE(std::isnan(value));
    drop_buffers();
  }
}

TEST_F(EmbeddingTest, TablesInSeveralSlabs) {
  use(Mask::kSmallBindings);
  check(TensorType::kF32, 101, 100, 1, true);
  check(TensorType::kQ6_K, 203, 256, 2, true);
}

}  // namespace pumice::test::embedding_test
