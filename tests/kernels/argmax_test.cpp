// argmax: ties, NaN, vocabularies of one and of many workgroups; and what a commit writes.
#include "kernels/argmax.h"

#include "reference/argmax.h"
#include "support/device_fixture.h"
#include "support/step_rows.h"

namespace pumice::test {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInfinity = std::numeric_limits<float>::infinity();

class ArgmaxTest : public DeviceTest {
 protected:
  // Runs it on a copy of `state` and compares all buffers with those after a commit of the reference's token.
  void check(const std::vector<float>& logits, CommitState state) {
    const vk::BufferView next = buffer(state.next_rows), log = buffer(state.token_log),
                         arguments = buffer(state.arguments);
    const vk::BufferView counter = words(1, 0);
    const auto cols = static_cast<uint32_t>(logits.size());
    run([&](Recorder recorder) {
      argmax(recorder, {.logits = buffer(logits),
                        .cols = cols,
                        .finds = words(argmax_find_bytes(cols) / 4),
                        .counter = counter,
                        .commit = {.step_rows = buffer(state.step_rows),
                                   .next_rows = next,
                                   .token_log = log,
                                   .attention_arguments = arguments,
                                   .samplers = buffer(state.samplers),
                                   .source_row = CommitState::kSource,
                                   .target_row = CommitState::kTarget,
                                   .log_stride = CommitState::kLogStride}});
    });
    const uint32_t token = reference::argmax(logits);
    EXPECT_EQ(read<uint32_t>(counter)[0], 0u) << "the counter is left zero";
    CommitState wrong = state;
    wrong.commit(token + 1);
    const bool changes = !same_rows(wrong.next_rows, state.next_rows);
    state.commit(token);
    EXPECT_TRUE(same_rows(read<StepRow>(next), state.next_rows))
        << "drawn " << read<StepRow>(next)[2].token << ", not " << token;
    EXPECT_EQ(read<uint32_t>(log), state.token_log);
    EXPECT_EQ(read<uint32_t>(arguments), state.arguments);
    if (changes) {
      EXPECT_FALSE(same_rows(read<StepRow>(next), wrong.next_rows));
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
      logits[0] = kNan, logits[cols / 2] = kInfinity;
      check(logits, CommitState(10));
    }
    check({kNan, -kInfinity, -kInfinity}, CommitState(3));
    check(std::vector<float>(9000, kNan), CommitState(3));
    check(std::vector<float>(9000, -kInfinity), CommitState(3));
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

}  // namespace
}  // namespace pumice::test
