// argmax: ties, logits that are not finite, vocabularies of one and of many workgroups; and what a commit writes.
#include "kernels/argmax.h"

#include "reference/argmax.h"
#include "support/device_fixture.h"
#include "support/step_rows.h"

namespace pumice::test::argmax_test {

static_assert(kTokenNotFinite == reference::kNotFinite);
constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInfinity = std::numeric_limits<float>::infinity();

class ArgmaxTest : public DeviceTest {
 protected:
  // Runs it on a copy of `state` and compares all buffers with those after a commit of the reference's token.
  void check(const std::vector<float>& logits, CommitState state) {
    const CommitBuffers buffers = upload_state(state, [this](const auto& values) { return buffer(values); });
    const vk::BufferView counter = words(1, 0);
    const auto cols = static_cast<uint32_t>(logits.size());
    run([&](Recorder recorder) {
      argmax(recorder, {.logits = {buffer(logits), cols},
                        .cols = cols,
                        .finds = words(argmax_find_bytes(cols, 1) / 4),
                        .counters = counter,
                        .commit = buffers.args()});
    });
    const uint32_t token = reference::argmax(logits);
    EXPECT_EQ(read<uint32_t>(counter)[0], 0u) << "the counter is left zero";
    CommitState wrong = state;
    wrong.commit(token + 1);
    const bool changes = !same_rows(wrong.next_rows, state.next_rows);
    state.commit(token);
    EXPECT_TRUE(same_rows(read<StepRow>(buffers.next_rows), state.next_rows))
        << "drawn " << read<StepRow>(buffers.next_rows)[2].token << ", not " << token;
    EXPECT_EQ(read<uint32_t>(buffers.token_log), state.token_log);
    EXPECT_EQ(read<uint32_t>(buffers.arguments), state.arguments);
    if (changes) {
      EXPECT_FALSE(same_rows(read<StepRow>(buffers.next_rows), wrong.next_rows));
    }
    drop_buffers();
  }
};

TEST_F(ArgmaxTest, FindsTheHighest) {
  for (const Mask mask : {Mask::kNone, Mask::kShared}) {
    use(mask);
    for (const uint32_t cols : {1u, 5u, 4096u, 4097u, 32003u, 100000u}) {
      SCOPED_TRACE(::testing::Message() << mask_name(mask) << " " << cols);
      auto logits = Generator(cols).normals(cols);
      check(logits, CommitState(10));
      logits[cols - 1] = 50;
      check(logits, CommitState(10));
      logits[cols / 2] = logits[cols / 3] = 50;
      check(logits, CommitState(10));
    }
  }
}

// One NaN or +infinity anywhere ends the sequence: in the first, a middle and the last workgroup, of either sign, and
// among masked logits. So does a row without any finite logit; masked logits alone do not.
TEST_F(ArgmaxTest, LogitsThatAreNotFinite) {
  for (const Mask mask : {Mask::kNone, Mask::kShared}) {
    use(mask);
    const auto finite = Generator(7).normals(9000);
    for (const float value : {kNan, -kNan, kInfinity})
      for (const size_t at : {0, 5000, 8999}) {
        auto logits = finite;
        logits[at] = value;
        ASSERT_EQ(reference::argmax(logits), kTokenNotFinite);
        check(logits, CommitState(3));
        for (size_t i = 0; i < logits.size(); ++i)
          if (i != at) logits[i] = -kInfinity;
        check(logits, CommitState(3));
      }
    auto masked = std::vector<float>(9000, -kInfinity);
    check(masked, CommitState(3));
    masked[4500] = -3e38f;
    ASSERT_EQ(reference::argmax(masked), 4500u);
    check(masked, CommitState(3));
  }
}

// A batch: each row of padded logits is drawn for a sequence of its own.
TEST_F(ArgmaxTest, ManyRows) {
  constexpr uint32_t kRows = 5, kCols = 9001, kStride = 9024, kSlots = 8, kLogStride = 64;
  for (const Mask mask : {Mask::kNone, Mask::kShared}) {
    use(mask);
    std::vector<float> logits = Generator(3).normals(size_t{kRows} * kStride);
    std::vector<StepRow> rows, expected;
    std::vector<uint32_t> log(kSlots * kLogStride, 7);
    std::vector<uint32_t> expected_log = log;
    for (uint32_t i = 0; i < kRows; ++i) {
      for (uint32_t pad = kCols; pad < kStride; ++pad) logits[i * kStride + pad] = 100;
      rows.push_back({.token = 1, .position = 10 * i, .slot = 7 - i, .live = i == 3 ? 0u : 1u});
      const auto first = logits.begin() + static_cast<ptrdiff_t>(i) * kStride;
      const uint32_t token = reference::argmax(std::vector<float>(first, first + kCols));
      expected.push_back(i == 3 ? rows[i] : StepRow{.token = token, .position = 10 * i + 1, .slot = 7 - i, .live = 1});
      if (i != 3) expected_log[(7 - i) * kLogStride + 10 * i + 1] = token;
    }
    const vk::BufferView state = buffer(rows), token_log = buffer(log), counters = words(kRows, 0);
    run([&](Recorder recorder) {
      argmax(recorder, {.logits = {buffer(logits), kStride},
                        .cols = kCols,
                        .n = kRows,
                        .finds = words(argmax_find_bytes(kCols, kRows) / 4),
                        .counters = counters,
                        .commit = {.step_rows = state,
                                   .next_rows = state,
                                   .token_log = token_log,
                                   .attention_arguments = buffer(std::vector<uint32_t>{kRows, 1, 1}),
                                   .samplers = buffer(std::vector<SamplerParams>(kSlots)),
                                   .log_stride = kLogStride}});
    });
    EXPECT_TRUE(same_rows(read<StepRow>(state), expected));
    EXPECT_FALSE(same_rows(read<StepRow>(state), rows));
    EXPECT_EQ(read<uint32_t>(token_log), expected_log);
    EXPECT_EQ(read<uint32_t>(counters), std::vector<uint32_t>(kRows, 0));
    drop_buffers();
  }
}

TEST_F(ArgmaxTest, CommitsOnlyWhatIsAlive) {
  auto logits = Generator(1).normals(500);
  logits[321] = 9;
  SamplerParams sampler{.stop_count = 2, .stop_tokens = {5, 321, 7}};
  check(logits, CommitState(0, sampler));
  sampler.stop_count = 1;
  check(logits, CommitState(0, sampler));
  check(logits, CommitState(0, {}, 0));
  // The group count follows the next position: 254 and 255 are on either side of a split; it never shrinks.
  for (const uint32_t position : {254u, 255u, 510u, 511u, 698u, 699u, 5000u}) check(logits, CommitState(position));
  CommitState grown(3);
  grown.arguments[2] = 9;
  check(logits, grown);
}

}  // namespace pumice::test::argmax_test
