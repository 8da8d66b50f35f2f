// Context: what must not change the text (cache, recording, slices, steps ahead, neighbours, masked devices).
#include "engine/context.h"

#include <gtest/gtest.h>

#include <set>

#include "support/engine_fixture.h"
#include "support/slice.h"

namespace pumice::test::context_test {

class ContextTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (IsSkipped()) return;
    reload();
  }
  void reload() {
    loaded_ = load(make_synthetic_model(spec_));
    ASSERT_TRUE(loaded_);
    vocabulary_ = spec_.vocabulary;
  }
  // A prompt of a second page and a bit, and enough tokens to fill a third.
  std::vector<int32_t> text(ContextOptions options, const GenerationParams& params, uint32_t prompt = 45) {
    if (options.context_tokens == 0) options.context_tokens = 256;
    const auto in = context(*loaded_, options);
    return in ? generate(*in, *open(*in), random_tokens(spec_, prompt, 11), params) : std::vector<int32_t>();
  }

  SyntheticModel spec_{.layers = 2, .separate_output = true, .seed = 42};
  std::unique_ptr<LoadedModel> loaded_;
};

TEST_F(ContextTest, TheTextIsNotDegenerate) {
  const std::vector<int32_t> greedy = text({}, greedy_params(60));
  ASSERT_EQ(greedy.size(), 60u);
  EXPECT_GE(std::set<int32_t>(greedy.begin(), greedy.end()).size(), 8u) << "repeats would hide mistakes";
  EXPECT_NE(text({}, sampled_params(60, 1)), text({}, sampled_params(60, 2)));
  EXPECT_EQ(text({}, sampled_params(60, 1)), text({}, sampled_params(60, 1)));
}

TEST_F(ContextTest, HowItIsComputedDoesNotChangeTheText) {
  PUMICE_SLICE(2);
  for (const GenerationParams& params : {greedy_params(40), sampled_params(40, 5)}) {
    const std::vector<int32_t> expected = text({}, params);
    ASSERT_EQ(expected.size(), 40u);
    EXPECT_EQ(text({.disable_kv_cache = true}, params), expected);
    EXPECT_EQ(text({.disable_kv_cache = true, .prefill_slice = 32}, params), expected);
    EXPECT_EQ(text({.record_each_step = true}, params), expected);
    EXPECT_EQ(text({.record_each_step = true, .steps_ahead = 8}, params), expected);
    for (const uint32_t steps : {1u, 2u, 4u, 8u}) EXPECT_EQ(text({.steps_ahead = steps}, params), expected) << steps;
    EXPECT_EQ(text({.profile = true}, params), expected);
    EXPECT_EQ(text({.max_sequences = 5}, params), expected);
    EXPECT_EQ(text({.context_tokens = 85}, params), expected) << "just as large as the text";
  }
}

TEST_F(ContextTest, SlicesDoNotChangeTheText) {
  const std::vector<int32_t> expected = text({}, greedy_params(20), 150);
  for (const uint32_t slice : {32u, 64u, 128u, 256u})
    EXPECT_EQ(text({.prefill_slice = slice}, greedy_params(20), 150), expected) << slice;
}

TEST_F(ContextTest, MaskedDevicesWriteTheSameText) {
  for (const bool quantised : {false, true}) {
    if (quantised) {
      spec_.type = TensorType::kQ8_0;
      use(Mask::kNone);
      reload();
    }
    const std::vector<int32_t> greedy = text({.context_tokens = 128, .kv_type = KvType::kF32}, greedy_params(30));
    const std::vector<int32_t> sampled = text({.context_tokens = 128, .kv_type = KvType::kF32}, sampled_params(30, 9));
    for (const Mask mask : {Mask::kDiscrete, Mask::kShared, Mask::kSmallBindings}) {
      use(mask);
      reload();
      EXPECT_EQ(text({.context_tokens = 128, .kv_type = KvType::kF32}, greedy_params(30)), greedy) << mask_name(mask);
      EXPECT_EQ(text({.context_tokens = 128, .kv_type = KvType::kF32}, sampled_params(30, 9)), sampled)
          << mask_name(mask);
    }
    EXPECT_GT(loaded_->model->weights().embedding.slabs.size(), 1u) << "the small bindings made no slabs";
  }
}

TEST_F(ContextTest, NeighboursDoNotChangeTheText) {
  struct Job {
    uint32_t prompt;
    GenerationParams params;
  };
  const Job jobs[] = {{45, greedy_params(30)}, {3, sampled_params(25, 6)}, {100, greedy_params(12)}};
  std::vector<std::vector<int32_t>> alone;
  for (const Job& job : jobs) alone.push_back(text({}, job.params, job.prompt));

  for (const bool each_step : {false, true}) {
    const auto in = context(*loaded_, {.context_tokens = 512, .max_sequences = 3, .record_each_step = each_step});
    ASSERT_TRUE(in);
    for (int round = 0; round < 2; ++round) {  // the second on pages that others have used
      std::vector<Sequence*> sequences;
      std::vector<std::shared_ptr<Request>> requests;
      for (const Job& job : jobs) {
        sequences.push_back(open(*in));
        requests.push_back(submit(*in, *sequences.back(), random_tokens(spec_, job.prompt, 11), job.params));
      }
      for (;;) {
        const Result<bool> busy = in->step();
        ASSERT_TRUE(busy.ok());
        if (!*busy) break;
      }
      for (size_t i = 0; i < std::size(jobs); ++i) {
        EXPECT_EQ(requests[i]->generated, alone[i]) << "sequence " << i;
        EXPECT_EQ(requests[i]->status, RequestStatus::kFinishedLength);
      }
      for (const size_t i : {1u, 0u, 2u}) in->close_sequence(sequences[i]);
      EXPECT_EQ(in->pool().used(), 0u);
    }
  }
}

TEST_F(ContextTest, TruncatingAndContinuingEqualsAFreshSequence) {
  const auto in = context(*loaded_, {.context_tokens = 256});
  Sequence* sequence = open(*in);
  const std::vector<int32_t> prompt = random_tokens(spec_, 70, 11), other = random_tokens(spec_, 20, 12);
  for (const uint32_t keep : {0u, 1u, 31u, 32u, 33u, 64u, 69u}) {
    ASSERT_TRUE(in->truncate(*sequence, 0).ok());
    (void)generate(*in, *sequence, prompt, greedy_params(12));
    ASSERT_TRUE(in->truncate(*sequence, keep).ok());
    EXPECT_EQ(sequence->tokens.size(), keep);
    EXPECT_LE(in->pool().used(), divide_up(keep, kPageTokens));
    const std::vector<int32_t> continued = generate(*in, *sequence, other, greedy_params(12));

    std::vector<int32_t> whole(prompt.begin(), prompt.begin() + keep);
    whole.insert(whole.end(), other.begin(), other.end());
    const auto fresh = context(*loaded_, {.context_tokens = 256});
    EXPECT_EQ(continued, generate(*fresh, *open(*fresh), whole, greedy_params(12))) << keep;
  }
}

TEST_F(ContextTest, ASecondTurnEqualsOneLongPrompt) {
  const std::vector<int32_t> first = random_tokens(spec_, 40, 11), second = random_tokens(spec_, 9, 12);
  for (const GenerationParams& params : {greedy_params(15), sampled_params(15, 3)}) {
    const auto in = context(*loaded_, {.context_tokens = 256});
    Sequence* sequence = open(*in);
    std::vector<int32_t> whole = first;
    const std::vector<int32_t> answer = generate(*in, *sequence, first, params);
    EXPECT_GE(sequence->computed, 40u + 14u) << "what the first turn computed stays";
    whole.insert(whole.end(), answer.begin(), answer.end());
    whole.insert(whole.end(), second.begin(), second.end());
    const uint64_t before = in->stats().prefill_tokens;
    const std::vector<int32_t> answer2 = generate(*in, *sequence, second, params);
    EXPECT_LE(in->stats().prefill_tokens - before, second.size() + 1) << "the first turn is not computed again";
    const auto fresh = context(*loaded_, {.context_tokens = 256});
    EXPECT_EQ(answer2, generate(*fresh, *open(*fresh), whole, params));
  }
}

TEST_F(ContextTest, EvaluateAndRequestsShareASequence) {
  const auto in = context(*loaded_, {.context_tokens = 256, .kv_type = KvType::kF32});
  Sequence* sequence = open(*in);
  const std::vector<int32_t> prompt = random_tokens(spec_, 40, 11);
  (void)evaluate(*in, *sequence, std::span(prompt).first(33));
  const std::vector<int32_t> ids = generate(*in, *sequence, std::span(prompt).subspan(33), greedy_params(10));
  EXPECT_EQ(ids, text({.kv_type = KvType::kF32}, greedy_params(10), 40));
  // The last token has not been computed yet; evaluate does it along with its own.
  const int32_t next = 5;
  const std::vector<float> logits = evaluate(*in, *sequence, {&next, 1});
  const auto fresh = context(*loaded_, {.context_tokens = 256, .kv_type = KvType::kF32});
  std::vector<int32_t> whole = prompt;
  whole.insert(whole.end(), ids.begin(), ids.end());
  whole.push_back(next);
  const std::vector<float> expected = evaluate(*fresh, *open(*fresh), whole);
  for (size_t i = 0; i < logits.size(); ++i) ASSERT_NEAR(logits[i], expected[i], 1e-3) << i;
}

TEST_F(ContextTest, EvaluatesWhileANeighbourGenerates) {
  const auto in = context(*loaded_, {.context_tokens = 512, .max_sequences = 2, .prefill_slice = 32, .steps_ahead = 4});
  Sequence* busy = open(*in);
  Sequence* other = open(*in);
  const std::vector<int32_t> prompt = random_tokens(spec_, 70, 21);
  const std::vector<float> expected = evaluate(*in, *other, prompt);
  const std::shared_ptr<Request> request = submit(*in, *busy, random_tokens(spec_, 45, 11), greedy_params(40));
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(in->step().ok());
    ASSERT_TRUE(in->truncate(*other, 0).ok());
    EXPECT_EQ(evaluate(*in, *other, prompt), expected) << i;
  }
  EXPECT_EQ(finish(*in, *request), text({}, greedy_params(40)));
}

// What was computed up to a page boundary before gives the very same logits as all of it at once; without `exact`,
// unless so few rows remain (kFewRows) that other kernels, which round otherwise, compute them.
TEST_F(ContextTest, ContinuingAtAPageBoundaryGivesTheSameLogits) {
  const std::vector<int32_t> prompt = random_tokens(spec_, 200, 21);
  for (const TensorType type : slice_of({TensorType::kF32, TensorType::kQ8_0})) {
    spec_.type = type;
    for (const Mask mask : {Mask::kNone, Mask::kDiscrete, Mask::kShared}) {
      use(mask);
      reload();
      for (const bool exact : {true, false}) {
        const auto in = context(*loaded_, {.context_tokens = 256, .prefill_slice = 128, .exact = exact});
        Sequence* sequence = open(*in);
        for (const size_t total : {33u, 48u, 49u, 100u, 129u, 200u}) {
          ASSERT_TRUE(in->truncate(*sequence, 0).ok());
          const std::vector<float> whole = evaluate(*in, *sequence, std::span(prompt).first(total));
          for (size_t hit = kPageTokens; hit < total; hit += kPageTokens) {
            SCOPED_TRACE(::testing::Message() << mask_name(mask) << ": " << total << " after " << hit << " " << exact);
            ASSERT_TRUE(in->truncate(*sequence, static_cast<uint32_t>(hit)).ok());
            const std::vector<float> again = evaluate(*in, *sequence, std::span(prompt).subspan(hit, total - hit));
            if (exact || total - hit > kFewRows) {
              EXPECT_EQ(again, whole);
            }
            for (size_t i = 0; i < whole.size(); ++i) ASSERT_NEAR(again[i], whole[i], 2e-3) << i;
          }
        }
      }
    }
  }
}

TEST_F(ContextTest, CountsWhatItDid) {
  const auto in = context(*loaded_, {.context_tokens = 256, .prefill_slice = 32});
  Sequence* sequence = open(*in);
  (void)generate(*in, *sequence, random_tokens(spec_, 70, 11), greedy_params(10));
  EXPECT_EQ(in->stats().prefill_tokens, 70u);
  EXPECT_EQ(in->stats().decode_tokens, 10u);
  EXPECT_EQ(in->stats().submissions, 3u + 9u);
  EXPECT_EQ(in->recorder().recordings(), 3u + 1u) << "the decode step is recorded once";
  (void)generate(*in, *sequence, random_tokens(spec_, 1, 11), greedy_params(10));
  EXPECT_EQ(in->recorder().recordings(), 3u + 1u + 1u);
  EXPECT_GT(in->recorder().dispatches_per_decode_step(), 2 * 5u);
}

}  // namespace pumice::test::context_test
