// Warm-up: afterwards nothing is left to make, whatever the prompt's length; it can be cancelled and changes no
// answers.
#include "engine/warm_up.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "kernels/matmul.h"
#include "support/engine_fixture.h"
#include "support/slice.h"

namespace pumice::test::warm_up_test {

class WarmUpTest : public EngineTest {
 protected:
  // A model with pipelines of its own, so that what other tests made does not count.
  void load_own(Mask mask) {
    use(mask);
    bytes_ = make_synthetic_model(spec_);
    auto file = Gguf::from_memory(bytes_);
    ASSERT_TRUE(file.ok());
    file_ = std::move(*file);
    own_ = std::make_unique<Kernels>(device());
    auto model = Model::load(*own_, *file_, {});
    ASSERT_TRUE(model.ok()) << model.error().message;
    model_ = std::move(*model);
  }
  std::vector<int32_t> answer(uint32_t prompt_tokens) {
    auto in = Context::create(*model_, {}, {.context_tokens = 512, .max_sequences = 2});
    EXPECT_TRUE(in.ok());
    if (!in) return {};
    const std::vector<int32_t> ids = random_tokens(spec_, prompt_tokens, 3);
    std::vector<int32_t> generated = generate(**in, *open(**in), ids, greedy_params(4));
    const std::vector<int32_t> more = generate(**in, *open(**in), ids, sampled_params(4, 1));
    generated.insert(generated.end(), more.begin(), more.end());
    return generated;
  }
  void TearDown() override {
    model_.reset();
    own_.reset();
    EngineTest::TearDown();
  }

  SyntheticModel spec_{.layers = 2, .width = 64, .type = TensorType::kQ8_0, .seed = 5};
  std::vector<std::byte> bytes_;
  std::optional<Gguf> file_;
  std::unique_ptr<Kernels> own_;
  std::optional<Model> model_;
};

TEST_F(WarmUpTest, LeavesNothingToMake) {
  for (const Mask mask : {Mask::kNone, Mask::kDiscrete}) {
    load_own(mask);
    const auto summary = warm_up(*model_, {.autotune = false, .threads = 2});
    ASSERT_TRUE(summary.ok()) << summary.error().message;
    EXPECT_GT(summary->pipelines, 8u);
    const size_t made = own_->pipeline_count();
    EXPECT_EQ(made, summary->pipelines);
    for (const uint32_t length : {1u, 3u, 9u, 17u, 45u, 128u}) {
      answer(length);
      EXPECT_EQ(own_->pipeline_count(), made)
          << mask_name(mask) << ": a prompt of " << length << " took a new pipeline";
    }
    model_.reset();
    own_.reset();
  }
}

TEST_F(WarmUpTest, ChangesNoAnswers) {
  load_own(Mask::kNone);
  const std::vector<int32_t> before = answer(20);
  ASSERT_TRUE(warm_up(*model_, {.autotune = false}).ok());
  EXPECT_EQ(answer(20), before);
}

TEST_F(WarmUpTest, TunesWhatItIsAllowedTo) {
  PUMICE_SLICE(2);
  load_own(Mask::kDiscrete);
  ASSERT_TRUE(warm_up(*model_, {.autotune = false}).ok());
  EXPECT_EQ(own_->tuning().size(), 0u);
  bool told = false;
  const auto tuned = warm_up(*model_, {.autotune_seconds = 60, .tuned = [&] { told = own_->tuning().size() > 0; }});
  ASSERT_TRUE(tuned.ok()) << tuned.error().message;
  EXPECT_GT(tuned->tuning.measured, 0u);
  EXPECT_TRUE(told);
  // Out is only what rounds activations to 8 bits, which its accuracy forbids.
  for (const auto& [key, entry] : own_->tuning().entries()) {
    const auto candidates =
        matmul_candidates(own_->caps(), {.type = key.type, .rows = key.rows, .cols = key.cols, .n = key.n});
    for (uint32_t i = 0; i < entry.count; ++i) {
      const bool rounds = key.kernel == TunedKernel::kMatmul && candidates.at(i).form == MatmulForm::kDot;
      EXPECT_TRUE(rounds || !(entry.excluded >> i & 1)) << i;
    }
  }
  const auto again = warm_up(*model_, {});
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->tuning.measured, 0u);
}

TEST_F(WarmUpTest, ReportsProgressAndCanBeCancelledAnywhere) {
  PUMICE_SLICE(0);
  load_own(Mask::kDiscrete);
  std::vector<float> fractions;
  // Enough time to measure everything.
  constexpr double kSeconds = 60;
  ASSERT_TRUE(warm_up(*model_, {.autotune_seconds = kSeconds,
                                .progress = [&](float fraction) { return fractions.push_back(fraction), false; }})
                  .ok());
  ASSERT_GT(fractions.size(), 2u);
  EXPECT_TRUE(std::is_sorted(fractions.begin(), fractions.end()));
  EXPECT_GE(fractions.front(), 0.0f);
  EXPECT_LE(fractions.back(), 1.0f);
  // At fractions, not at counts: how many reports merge into one is the machine's affair.
  for (const float at : {fractions.front(), 0.5f * fractions.back(), fractions.back()}) {
    load_own(Mask::kDiscrete);
    const auto cancelled =
        warm_up(*model_, {.autotune_seconds = kSeconds, .progress = [&](float fraction) { return fraction >= at; }});
    ASSERT_FALSE(cancelled.ok()) << at;
    EXPECT_EQ(cancelled.error().status, Status::kCancelled);
    EXPECT_EQ(answer(9).size(), 8u) << "the model still works";
    model_.reset();
  }
}

// A game warms up on a thread of its own while it already plays.
TEST_F(WarmUpTest, RunsBesideRequests) {
  load_own(Mask::kNone);
  const std::vector<int32_t> alone = answer(20);
  Result<WarmUpSummary> summary = WarmUpSummary{};
  {
    const std::jthread other([&] { summary = warm_up(*model_, {.autotune = false}); });
    for (int i = 0; i < 3; ++i) EXPECT_EQ(answer(20), alone);
  }
  EXPECT_TRUE(summary.ok());
}

}  // namespace pumice::test::warm_up_test
