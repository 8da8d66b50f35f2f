// lora: the scales of adapters by sequence, and exact zeros where a sequence has none.
#include "kernels/lora.h"

#include <cmath>

#include "reference/lora.h"
#include "reference/numerics.h"
#include "shared/lora.h"
#include "shared/step_params.h"
#include "support/device_fixture.h"

namespace pumice::test::lora_test {

class LoraTest : public DeviceTest {
 protected:
  void check(uint32_t n, uint32_t cols, uint32_t adapters, uint32_t first) {
    SCOPED_TRACE(::testing::Message() << n << " x " << cols << ", adapters " << adapters << ", first row " << first);
    constexpr uint32_t kSlots = 4;
    Generator random(cols);
    std::vector<float> products = random.normals(n * cols), table = random.normals(kSlots * adapters);
    const std::vector<float> gains = random.normals(cols);
    for (uint32_t slot = 0; slot < kSlots; ++slot) table[slot * adapters + slot % adapters] = 0;
    std::vector<LoraColumn> columns;
    std::vector<size_t> adapter;
    for (uint32_t col = 0; col < cols; ++col) {
      adapter.push_back(col * adapters / cols);
      columns.push_back({.adapter = static_cast<uint32_t>(adapter.back()), .gain = gains[col]});
    }
    std::vector<StepRow> steps(first + n);
    std::vector<float> scales;
    for (uint32_t row = 0; row < n; ++row) {
      const uint32_t slot = (3 * row + 1) % kSlots;
      steps[first + row].slot = slot;
      for (uint32_t i = 0; i < adapters; ++i) scales.push_back(table[slot * adapters + i]);
      // What a sequence does without is not seen, whatever it is.
      for (uint32_t col = 0; col < cols; ++col)
        if (scales[row * adapters + adapter[col]] == 0) products[row * cols + col] = col % 2 ? INFINITY : NAN;
    }
    const FloatRows y = rows(products, cols, cols + 3);
    run([&](Recorder recorder) {
      lora(recorder, {.products = y,
                      .columns = buffer(columns),
                      .scales = buffer(table),
                      .step_rows = buffer(steps),
                      .first_row = first,
                      .n = n,
                      .cols = cols,
                      .adapters = adapters});
    });
    auto expected = reference::lora(products, adapter, gains, scales, adapters);
    const auto actual = read_rows(y, n, cols);
    const auto verdict = reference::compare(actual, expected, 1e-6, 1e-6);
    EXPECT_TRUE(verdict) << verdict;
    expected[cols - 1] += 1e-3f;
    EXPECT_FALSE(reference::compare(actual, expected, 1e-6, 1e-6));
    drop_buffers();
  }
};

TEST_F(LoraTest, ScalesByAdapterAndSequence) {
  check(1, 8, 1, 0);
  check(3, 72, 3, 0);
  check(7, 200, 2, 5);
}

}  // namespace pumice::test::lora_test
