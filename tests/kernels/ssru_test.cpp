// ssru: rows that go on from others' states, and rows that begin.
#include "kernels/ssru.h"

#include "reference/numerics.h"
#include "reference/ssru.h"
#include "shared/step_params.h"
#include "support/device_fixture.h"

namespace pumice::test::ssru_test {

class SsruTest : public DeviceTest {};

TEST_F(SsruTest, GoesOnFromItsParent) {
  constexpr uint32_t kRows = 4, kCols = 130, kStride = 160, kPlaces = 10, kFrom = 1, kTo = 6;
  const std::vector<uint32_t> parents = {2, 2, 0, 3};
  Generator random(3);
  const auto x = random.normals(kRows * 2 * kCols, 0, 2), before = random.normals(kRows * kCols);
  const auto states = random.normals(kPlaces * kStride);
  std::vector<StepRow> step_rows(kRows);
  for (uint32_t row = 0; row < kRows; ++row) step_rows[row] = {.token = 0, .position = row == 3 ? 0u : 5u, .slot = row};
  const FloatRows y = rows(before, kCols, kCols + 3);
  const vk::BufferView device_states = buffer(states);
  run([&](Recorder recorder) {
    ssru(recorder, {.x = rows(x, 2 * kCols, 2 * kCols + 1),
                    .step_rows = buffer(step_rows),
                    .parents = buffer(parents),
                    .states = device_states,
                    .state_stride = kStride,
                    .from = kFrom,
                    .to = kTo,
                    .y = y,
                    .n = kRows,
                    .cols = kCols});
  });
  std::vector<float> expected_states = states, expected, without;
  for (uint32_t row = 0; row < kRows; ++row) {
    std::vector<float> state(kCols, 0.0f);
    const auto parent = std::span(states).subspan((kFrom + parents[row]) * kStride, kCols);
    if (step_rows[row].position != 0) state.assign(parent.begin(), parent.end());
    const auto input = std::span(x).subspan(row * 2 * kCols, 2 * kCols);
    const auto result = reference::ssru(input.first(kCols), input.subspan(kCols), state);
    std::copy(state.begin(), state.end(), expected_states.begin() + (kTo + row) * kStride);
    for (uint32_t col = 0; col < kCols; ++col) expected.push_back(before[row * kCols + col] + result[col]);
    const auto other = reference::ssru(input.subspan(kCols), input.first(kCols), state);
    for (uint32_t col = 0; col < kCols; ++col) without.push_back(before[row * kCols + col] + other[col]);
  }
  const auto actual = read_rows(y, kRows, kCols), left = read<float>(device_states);
  const auto verdict = reference::compare(actual, expected, 4e-6);
  EXPECT_TRUE(verdict) << verdict;
  const auto stored = reference::compare(left, expected_states, 4e-6);
  EXPECT_TRUE(stored) << stored;
  EXPECT_FALSE(reference::compare(actual, without, 1e-3)) << "input and gate changed places";
}

}  // namespace pumice::test::ssru_test
