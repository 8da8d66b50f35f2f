// short_conv: gated and not, prefill in pieces and decode, states of several sequences, snapshots.
#include "kernels/short_conv.h"

#include "reference/activation.h"
#include "reference/numerics.h"
#include "reference/short_conv.h"
#include "shared/short_conv.h"
#include "shared/step_params.h"
#include "support/device_fixture.h"
#include "support/state_steps.h"

namespace pumice::test::short_conv_test {

constexpr double kTolerance = 1e-5, kFloor = 1e-6;

struct Case {
  uint32_t cols, taps;
  bool gated, activated;
};

class ShortConvTest : public DeviceTest {
 protected:
  static constexpr uint32_t kPlaces = 5, kFirst = 7;

  void begin(const Case& c) {
    c_ = c;
    Generator random(c.cols + c.taps);
    weight_ = random.normals(c.cols * c.taps);
    bias_ = random.normals(c.cols);
    std::vector<float> padded(c.cols * kConvMostTaps, 0.0f);
    for (uint32_t col = 0; col < c.cols; ++col)
      for (uint32_t tap = 0; tap < c.taps; ++tap)
        padded[(col + 1) * kConvMostTaps - c.taps + tap] = weight_[col * c.taps + tap];
    args_ = {.weight = buffer(padded),
             .bias = buffer(bias_),
             .states = {.view = buffer(std::vector<float>(kPlaces * stride(), NAN)), .stride = stride()},
             .first_column = kFirst,
             .cols = c.cols,
             .gated = c.gated,
             .activated = c.activated};
    references_.assign(kPlaces, reference::ConvState(c.taps, c.cols));
  }
  uint32_t stride() const { return short_conv_state(c_.cols) + 3; }
  uint32_t width() const { return kFirst + (c_.gated ? 3 : 1) * c_.cols; }

  // What the reference makes of a row of x, for its sequence.
  void expect_row(std::span<const float> x, uint32_t sequence, std::vector<float>& out) {
    std::vector<double> u(c_.cols);
    for (uint32_t col = 0; col < c_.cols; ++col) {
      u[col] = x[kFirst + col];
      if (c_.gated) u[col] *= x[kFirst + 2 * c_.cols + col];
    }
    const auto y = reference::short_conv(references_[sequence], weight_, bias_, u);
    for (uint32_t col = 0; col < c_.cols; ++col) {
      const double value = c_.activated ? reference::silu(y[col]) : y[col];
      out.push_back(static_cast<float>(c_.gated ? value * x[kFirst + c_.cols + col] : value));
    }
  }

  // One step of these rows; a sequence whose row is not live stays as it was.
  void step(std::vector<StepRow> steps, bool one_sequence, const StateSnapshots& snapshots = {}) {
    const auto n = static_cast<uint32_t>(steps.size());
    const std::vector<float> x = Generator(steps[0].position + n).normals(n * width());
    std::vector<float> expected;
    for (uint32_t i = 0; i < n; ++i) {
      const reference::ConvState before = references_[steps[i].slot];
      expect_row(std::span(x).subspan(i * width(), width()), steps[i].slot, expected);
      if (!steps[i].live) references_[steps[i].slot] = before;
      for (uint32_t s = 0; s < kMostSnapshots; ++s)
        if (snapshots.after[s] == i) references_[snapshots.place[s]] = references_[steps[i].slot];
    }
    ShortConvArgs args = args_;
    args.x = rows(x, width(), width() + 5);
    args.step_rows = buffer(steps);
    args.y = nan_rows(n, c_.cols);
    args.n = n;
    args.one_sequence = one_sequence;
    args.states.snapshots = snapshots;
    run([&](Recorder recorder) { short_conv(recorder, args); });
    const auto actual = read_rows(args.y, n, c_.cols);
    const auto verdict = reference::compare(actual, expected, kTolerance, kFloor);
    EXPECT_TRUE(verdict) << verdict;
    expected.back() += 1e-3f;
    EXPECT_FALSE(reference::compare(actual, expected, kTolerance, kFloor));
  }

  Case c_{};
  std::vector<float> weight_, bias_;
  ShortConvArgs args_;
  std::vector<reference::ConvState> references_;
};

TEST_F(ShortConvTest, GoesOnWhereItStopped) {
  for (const Case c : {Case{64, 4, false, true}, Case{100, 3, true, false}, Case{130, 2, false, false}}) {
    SCOPED_TRACE(::testing::Message() << c.cols << " columns, " << c.taps << " taps");
    begin(c);
    step(state_slice(1, 0, 5), true);
    step(state_slice(1, 5, 1), true);
    step(state_slice(0, 0, 2), true);
    step({state_row(0, 2), state_row(1, 6), state_row(2, 0)}, false);
    step({state_row(2, 1, false), state_row(1, 7)}, false);
    step({state_row(2, 1), state_row(0, 3)}, false);
    references_[1] = reference::ConvState(c.taps, c.cols);
    step(state_slice(1, 0, 3), true);  // another text in the same place
    drop_buffers();
  }
}

TEST_F(ShortConvTest, ASnapshotIsTheStateAfterItsRow) {
  begin({64, 4, false, true});
  step(state_slice(1, 0, 9), true, {.after = {4, 6}, .place = {4, 3}});
  step(state_slice(4, 5, 2), true);
  step(state_slice(3, 7, 1), true);
  step(state_slice(1, 9, 2), true);
}

}  // namespace pumice::test::short_conv_test
