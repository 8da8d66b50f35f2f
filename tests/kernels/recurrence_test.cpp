// recurrence: both rules, prefill in pieces and decode, row by row and by chunks, states of several sequences,
// snapshots.
#include "kernels/recurrence.h"

#include <algorithm>
#include <cmath>

#include "reference/numerics.h"
#include "reference/recurrence.h"
#include "shared/recurrence.h"
#include "support/device_fixture.h"
#include "support/state_steps.h"

namespace pumice::test::recurrence_test {

constexpr double kTolerance = 2e-5, kFloor = 4e-6;

struct Case {
  RecurrenceRule rule;
  uint32_t heads, key_heads, key_dim, value_dim;
  bool tiled;
};

class RecurrenceTest : public DeviceTest {
 protected:
  static constexpr uint32_t kPlaces = 5, kFirst = 3, kStateFirst = 10;
  static constexpr float kEps = 1e-6f;

  void begin(const Case& c) {
    c_ = c;
    Generator random(c.heads + c.key_dim);
    const auto steps = random.normals(c.heads), rates = random.normals(c.heads), skips = random.normals(c.heads);
    of_heads_.clear();
    for (uint32_t head = 0; head < c.heads; ++head)
      of_heads_.insert(of_heads_.end(), {steps[head], -std::exp(rates[head] - 1), skips[head], NAN});
    const uint32_t keys = c.key_heads * c.key_dim;
    args_ = {.rule = c.rule,
             .columns = {.q = kFirst, .k = kFirst + keys, .v = kFirst + 2 * keys, .decay = 2, .strength = 2 + c.heads},
             .of_heads = buffer(of_heads_),
             .states = {.view = buffer(std::vector<float>(kPlaces * stride(), NAN)), .stride = stride()},
             .state_first = kStateFirst,
             .heads = c.heads,
             .key_heads = c.key_heads,
             .key_dim = c.key_dim,
             .value_dim = c.value_dim,
             .tiled = c.tiled,
             .eps = kEps};
    references_.assign(kPlaces, fresh());
  }
  using SequenceState = std::vector<reference::HeadState>;
  SequenceState fresh() const { return SequenceState(c_.heads, reference::HeadState(c_.key_dim, c_.value_dim)); }
  uint32_t stride() const { return kStateFirst + c_.heads * c_.key_dim * c_.value_dim + 5; }

  void expect_row(std::span<const float> x, std::span<const float> gates, SequenceState& state,
                  std::vector<float>& out) const {
    const std::vector<double> row(x.begin(), x.end());
    const auto part = [&](uint32_t first, uint32_t at, uint32_t count) {
      return std::span(row).subspan(first + at * count, count);
    };
    for (uint32_t head = 0; head < c_.heads; ++head) {
      const bool delta = c_.rule == RecurrenceRule::kDelta;
      const uint32_t key_head = c_.tiled ? head % c_.key_heads : head / (c_.heads / c_.key_heads);
      const auto q = part(args_.columns.q, key_head, c_.key_dim), k = part(args_.columns.k, key_head, c_.key_dim);
      const auto v = part(args_.columns.v, head, c_.value_dim);
      const double decay = gates[args_.columns.decay + head], strength = gates[args_.columns.strength + head];
      const double dt = of_heads_[4 * head], a = of_heads_[4 * head + 1], skip = of_heads_[4 * head + 2];
      const auto y = delta ? reference::delta_rule(state[head], {q, k, v, decay, strength}, dt, a, kEps)
                           : reference::mamba2(state[head], {q, k, v, decay}, dt, a, skip);
      out.insert(out.end(), y.begin(), y.end());
    }
  }

  void step(const std::vector<StepRow>& steps, bool one_sequence, const StateSnapshots& snapshots = {}) {
    const auto n = static_cast<uint32_t>(steps.size());
    const uint32_t width = args_.columns.v + c_.heads * c_.value_dim, gate_width = 2 + 2 * c_.heads;
    Generator random(steps[0].position + n);
    const auto x = random.normals(n * width), gates = random.normals(n * gate_width);
    std::vector<float> expected;
    for (uint32_t i = 0; i < n; ++i) {
      SequenceState state = references_[steps[i].slot];
      expect_row(std::span(x).subspan(i * width, width), std::span(gates).subspan(i * gate_width, gate_width), state,
                 expected);
      if (steps[i].live) references_[steps[i].slot] = state;
      for (uint32_t s = 0; s < kMostSnapshots; ++s)
        if (snapshots.after[s] == i) references_[snapshots.place[s]] = state;
    }
    RecurrenceArgs args = args_;
    args.x = rows(x, width, width + 5);
    args.gates = rows(gates, gate_width, gate_width + 1);
    args.step_rows = buffer(steps);
    args.y = nan_rows(n, c_.heads * c_.value_dim);
    args.n = n;
    args.one_sequence = one_sequence;
    args.states.snapshots = snapshots;
    run([&](Recorder recorder) { recurrence(recorder, args); });
    const auto actual = read_rows(args.y, n, c_.heads * c_.value_dim);
    // Sums of products that are larger than what they add up to.
    float largest = 1;
    for (const float value : expected) largest = std::max(largest, std::fabs(value));
    const double floor = kFloor * static_cast<double>(largest);
    const auto verdict = reference::compare(actual, expected, kTolerance, floor);
    EXPECT_TRUE(verdict) << verdict;
    expected.back() += 1e-3f * largest;
    EXPECT_FALSE(reference::compare(actual, expected, kTolerance, floor));
  }

  Case c_{};
  std::vector<float> of_heads_;
  RecurrenceArgs args_;
  std::vector<SequenceState> references_;
};

constexpr Case kCases[] = {{RecurrenceRule::kDelta, 4, 2, 128, 128, true},
                           {RecurrenceRule::kDelta, 6, 3, 16, 40, false},
                           {RecurrenceRule::kMamba, 6, 2, 128, 64, false},
                           {RecurrenceRule::kMamba, 2, 1, 256, 24, false}};

// Row by row on software drivers; on other devices also by chunks, where several rows are one sequence's.
struct Way {
  Mask mask;
  bool exact;
};
constexpr Way kWays[] = {{Mask::kNone, true}, {Mask::kDiscrete, true}, {Mask::kDiscrete, false}};

TEST_F(RecurrenceTest, GoesOnWhereItStopped) {
  for (const Way& way : kWays) {
    use(way.mask);
    for (const Case& c : kCases) {
      SCOPED_TRACE(::testing::Message() << mask_name(way.mask) << (way.exact ? " exact " : " ") << c.heads
                                        << " heads, keys of " << c.key_dim);
      begin(c);
      args_.exact = way.exact;
      step(state_slice(1, 0, 33), true);
      step(state_slice(1, 33, 1), true);
      step(state_slice(0, 0, 2), true);
      step({state_row(0, 2), state_row(1, 34), state_row(2, 0)}, false);
      step({state_row(2, 1, false), state_row(1, 35)}, false);
      step({state_row(2, 1), state_row(0, 3)}, false);
      references_[1] = fresh();
      step(state_slice(1, 0, 3), true);  // another text in the same place
      step(state_slice(1, 3, 20), true);
      drop_buffers();
    }
  }
}

TEST_F(RecurrenceTest, ASnapshotIsTheStateAfterItsRow) {
  for (const Way& way : kWays) {
    use(way.mask);
    for (const Case& c : {kCases[0], kCases[2]}) {
      begin(c);
      args_.exact = way.exact;
      step(state_slice(1, 0, 20), true, {.after = {4, 17}, .place = {4, 3}});
      step(state_slice(4, 5, 2), true);
      step(state_slice(3, 18, 1), true);
      step(state_slice(1, 20, 2), true);
      drop_buffers();
    }
  }
}

TEST_F(RecurrenceTest, PromptsGoByChunks) {
  use(Mask::kDiscrete);
  const auto rows_at_once = [&](const RecurrenceArgs& args) { return recurrence_chunk(device().caps(), args); };
  const RecurrenceArgs prompt{.n = 33, .key_dim = 128, .one_sequence = true, .exact = false};
  EXPECT_EQ(rows_at_once(prompt), kRecurrenceMostChunk);
  RecurrenceArgs other = prompt;
  other.exact = true;
  EXPECT_EQ(rows_at_once(other), 1u);
  other = prompt;
  other.one_sequence = false;
  EXPECT_EQ(rows_at_once(other), 1u);
  other = prompt;
  other.n = 3;
  EXPECT_EQ(rows_at_once(other), 1u);
  use(Mask::kNone);
  EXPECT_EQ(rows_at_once(prompt), 1u) << "software drivers";
}

}  // namespace pumice::test::recurrence_test
