// matvec of many matrices: of the experts that rows choose, one by one and in tiles, and of heads.
#include <bit>
#include <cmath>

#include "kernels/expert_tiles.h"
#include "kernels/matvec.h"
#include "reference/matvec.h"
#include "reference/numerics.h"
#include "support/device_fixture.h"
#include "support/test_matrix.h"

namespace pumice::test::matvec_experts_test {

struct ExpertsCase {
  TensorType type;
  uint32_t experts, rows, cols, n, used;
  bool gated = false;
};

class MatvecExpertsTest : public DeviceTest {
 protected:
  // Row i of n * used rows is that of x's row i / used and of the matrix `chosen[i]`.
  static std::vector<float> expected(const ExpertsCase& c, std::span<const float> x, std::span<const float> gate,
                                     std::span<const float> up, std::span<const uint32_t> chosen) {
    std::vector<float> y;
    const size_t size = size_t{c.rows} * c.cols;
    for (size_t i = 0; i < chosen.size(); ++i) {
      const auto row = x.subspan(i / c.used * c.cols, c.cols);
      const auto one = gate.subspan(chosen[i] * size, size);
      const auto made = c.gated ? reference::gate_up({.x = row,
                                                      .gate = one,
                                                      .up = up.subspan(chosen[i] * size, size),
                                                      .rows = c.rows,
                                                      .cols = c.cols,
                                                      .activation = reference::Activation::kSilu})
                                : reference::matvec({.x = row, .w = one, .rows = c.rows, .cols = c.cols});
      y.insert(y.end(), made.begin(), made.end());
    }
    return y;
  }

  void check(const ExpertsCase& c, uint32_t tile) {
    SCOPED_TRACE(::testing::Message() << c.experts << " experts, " << c.n << " rows, tiles of " << tile);
    const TestMatrix gate = make_matrix(device(), c.type, c.experts * c.rows, c.cols, 1),
                     up = make_matrix(device(), c.type, c.experts * c.rows, c.cols, 2);
    Generator random(c.n);
    const auto x = random.normals(c.n * c.cols);
    const uint32_t pairs = c.n * c.used;
    std::vector<uint32_t> chosen;
    std::vector<float> choices;  // words
    while (chosen.size() < pairs) {
      chosen.push_back(static_cast<uint32_t>(random.below(c.experts)));
      choices.push_back(std::bit_cast<float>(chosen.back()));
      choices.push_back(1);
    }
    const vk::Buffer& bound = *whole(choices);
    const vk::Buffer& tiles = *whole(std::vector<float>(expert_tiles_bytes(pairs, c.experts, tile) / 4));
    const FloatRows y = nan_rows(pairs, c.rows + 2);
    run([&](Recorder recorder) {
      if (tile > 1)
        expert_tiles(recorder, {.choices = bound, .tiles = tiles, .rows = pairs, .experts = c.experts, .size = tile});
      matvec(recorder, {.w = gate.weights,
                        .up = c.gated ? &up.weights : nullptr,
                        .x = rows(x, c.cols, (c.cols + 3) / 4 * 4),
                        .y = y,
                        .n = pairs,
                        .choices = &bound,
                        .experts = c.experts,
                        .share = c.used,
                        .tiles = tile > 1 ? &tiles : nullptr,
                        .tile_size = tile});
    });
    const auto actual = read_rows(y, pairs, c.rows);
    const auto verdict = reference::compare(actual, expected(c, x, gate.values, up.values, chosen), 1e-4, 1e-4);
    EXPECT_TRUE(verdict) << verdict;
    chosen[0] = (chosen[0] + 1) % c.experts;
    EXPECT_FALSE(reference::compare(actual, expected(c, x, gate.values, up.values, chosen), 1e-4, 1e-4));
    drop_buffers();
  }
};

constexpr ExpertsCase kCases[] = {{TensorType::kF32, 4, 24, 40, 9, 2, true},
                                  {TensorType::kQ4_0, 8, 32, 64, 33, 2, false},
                                  {TensorType::kQ8_0, 5, 16, 96, 20, 3, true}};

TEST_F(MatvecExpertsTest, RowsHaveTheWeightsOfTheirExperts) {
  for (const Mask mask : {Mask::kNone, Mask::kShared, Mask::kNewCompiler}) {
    use(mask);
    for (const ExpertsCase& c : kCases) {
      check(c, 1);
      const auto type = static_cast<uint32_t>(*weight_type_for(c.type));
      const uint32_t tile = matvec_tile(
          caps(), {.type = type, .rows = c.rows, .cols = c.cols, .n = 8 * c.experts, .gated = c.gated}, c.experts);
      EXPECT_GT(tile, 1u);
      check(c, tile);
    }
  }
}

TEST_F(MatvecExpertsTest, TilesPayWhereAnExpertHasSeveralRows) {
  const MatvecShape shape{.type = kWeightF32, .rows = 64, .cols = 64, .n = 8, .gated = true};
  EXPECT_EQ(matvec_tile(caps(), shape, 8), 1u);
  EXPECT_LE(matvec_tile(caps(), {.type = kWeightF32, .rows = 64, .cols = 64, .n = 4096}, 8), kMostExpertTile);
}

struct HeadsCase {
  uint32_t heads, rows, cols, n;
  uint32_t x_first, x_head, y_first, y_head;
};

// A head's part of a row of x, and of y, from a column on.
TEST_F(MatvecExpertsTest, HeadsHaveMatricesOfTheirOwn) {
  for (const HeadsCase& c : {HeadsCase{3, 16, 20, 5, 4, 28, 2, 19}, HeadsCase{2, 24, 64, 2, 0, 64, 0, 24}})
    for (const Mask mask : {Mask::kNone, Mask::kShared}) {
      use(mask);
      const uint32_t x_cols = c.x_first + c.heads * c.x_head, y_cols = c.y_first + c.heads * c.y_head;
      const TestMatrix w = make_matrix(device(), TensorType::kF32, c.heads * c.rows, c.cols, 3);
      const auto x = Generator(4).normals(c.n * x_cols), before = Generator(5).normals(c.n * y_cols);
      const FloatRows y = rows(before, y_cols, y_cols);
      run([&](Recorder recorder) {
        matvec(recorder, {.w = w.weights,
                          .x = rows(x, x_cols, x_cols),
                          .y = y,
                          .y_offset = c.y_first,
                          .n = c.n,
                          .experts = c.heads,
                          .heads = {.count = c.heads, .x_first = c.x_first, .x_head = c.x_head, .y_head = c.y_head}});
      });
      std::vector<float> expected = before;
      const size_t size = size_t{c.rows} * c.cols;
      for (uint32_t i = 0; i < c.n * c.heads; ++i) {
        const uint32_t row = i / c.heads, head = i % c.heads;
        const auto one =
            reference::matvec({.x = std::span(x).subspan(row * x_cols + c.x_first + head * c.x_head, c.cols),
                               .w = std::span(w.values).subspan(head * size, size),
                               .rows = c.rows,
                               .cols = c.cols});
        std::copy(one.begin(), one.end(), expected.begin() + row * y_cols + c.y_first + head * c.y_head);
      }
      const auto actual = read_rows(y, c.n, y_cols);
      const auto verdict = reference::compare(actual, expected, 1e-5, 1e-5);
      EXPECT_TRUE(verdict) << verdict;
      EXPECT_FALSE(reference::compare(actual, before, 1e-3, 1e-3));
      drop_buffers();
    }
}

}  // namespace pumice::test::matvec_experts_test
