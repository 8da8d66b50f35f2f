// Log-probabilities of drawn tokens beside those of the CPU reference, whoever decodes beside; biases of tokens.
#include <gtest/gtest.h>

#include <algorithm>

#include "model/llama_comparison.h"

namespace pumice::test::likely_test {

GenerationParams told(GenerationParams params, uint32_t top) {
  params.log_probabilities = true;
  params.top_tokens = top;
  return params;
}

void add_bias(GenerationParams& params, int32_t token, float value) {
  params.sampler.biases[params.sampler.bias_count++] = {static_cast<uint32_t>(token), value};
}

class LikelyTest : public LlamaTest {
 protected:
  void SetUp() override {
    LlamaTest::SetUp();
    if (IsSkipped()) return;
    loaded_ = load(make_synthetic_model(spec_));
    ASSERT_TRUE(loaded_);
    vocabulary_ = spec_.vocabulary;
  }
  // How far what the request says of its tokens is from what the reference says of the token `shift` places later.
  double difference(const Request& request, const std::vector<int32_t>& prompt, const std::vector<int32_t>& ids,
                    size_t shift = 0) {
    ReferenceLogits reference(*loaded_->file, joined(prompt, ids));
    const size_t most = request.params.top_tokens;
    EXPECT_EQ(request.log_probabilities.size(), ids.size());
    EXPECT_EQ(request.top.size(), ids.size() * most);
    double largest = 0;
    for (size_t i = 0; i + shift < ids.size(); ++i) {
      const std::vector<double> all = log_probabilities(reference.after(prompt.size() + i + shift));
      const auto far = [&](int32_t id, float said) {
        return std::fabs(static_cast<double>(said) - all[static_cast<size_t>(id)]);
      };
      largest = std::max(largest, far(ids[i], request.log_probabilities[i]));
      std::vector<double> sorted = all;
      std::sort(sorted.rbegin(), sorted.rend());
      for (size_t t = 0; t < most; ++t) {
        const LikelyToken& likely = request.top[i * most + t];
        largest = std::max({largest, far(likely.id, likely.log_probability),
                            std::fabs(static_cast<double>(likely.log_probability) - sorted[t])});
      }
    }
    return largest;
  }

  SyntheticModel spec_{.layers = 2, .separate_output = true, .seed = 42};
  std::unique_ptr<LoadedModel> loaded_;
};

TEST_F(LikelyTest, WhatTheModelSaysOfEachTokenWhateverTheSamplerDoes) {
  GenerationParams harsh = sampled_params(20, 5);
  harsh.sampler.repeat_penalty = 1.5f, harsh.sampler.presence_penalty = 1, harsh.sampler.penalty_window = 64;
  add_bias(harsh, 7, 2);
  const std::vector<int32_t> prompt = random_tokens(spec_, 45, 3);
  for (const bool each_step : {false, true})
    for (const GenerationParams& params : {greedy_params(20), sampled_params(20, 4), harsh})
      for (const uint32_t top : {0u, 1u, 5u}) {
        const auto in = context(*loaded_, {.context_tokens = 128, .kv_type = KvType::kF32,
                                           .record_each_step = each_step});
        const auto request = submit(*in, *open(*in), prompt, told(params, top));
        const std::vector<int32_t> ids = finish(*in, *request);
        EXPECT_LE(difference(*request, prompt, ids), kLogTolerance);
        EXPECT_GT(difference(*request, prompt, ids, 1), 0.1) << "any token would do";
        in->close_sequence(request->sequence);
        EXPECT_EQ(ids, generate(*in, *open(*in), prompt, params)) << "looking changes what is drawn";
      }
}

// Some ask and some do not, and prompts end while others decode.
TEST_F(LikelyTest, OfManyTogether) {
  constexpr uint32_t kRequests = 9;
  const auto in = context(*loaded_, {.context_tokens = 1024, .max_sequences = 4, .kv_type = KvType::kF32,
                                     .steps_ahead = 3});
  std::vector<std::shared_ptr<Request>> running(4);
  std::vector<std::vector<int32_t>> prompts(4);
  uint32_t next = 0, done = 0;
  while (done < kRequests) {
    for (size_t i = 0; i < running.size(); ++i) {
      if (running[i] && running[i]->status != RequestStatus::kRunning) {
        if (running[i]->params.log_probabilities) {
          EXPECT_LE(difference(*running[i], prompts[i], running[i]->generated), kLogTolerance);
        }
        in->close_sequence(running[i]->sequence);
        running[i].reset();
        ++done;
      }
      if (running[i] || next == kRequests) continue;
      prompts[i] = random_tokens(spec_, 20 + 31 * next % 100, next);
      const GenerationParams params = next % 2 ? sampled_params(9 + next, next) : greedy_params(30 - 2 * next);
      running[i] = submit(*in, *open(*in), prompts[i], next % 3 == 2 ? params : told(params, next % 4));
      ++next;
    }
    ASSERT_TRUE(in->step().ok());
  }
}

TEST_F(LikelyTest, WhatABiasForcesIsToldAsTheModelHasIt) {
  GenerationParams params = told(greedy_params(10), 2);
  add_bias(params, 11, 1e9f);
  const std::vector<int32_t> prompt = random_tokens(spec_, 33, 9);
  const auto in = context(*loaded_, {.context_tokens = 128, .kv_type = KvType::kF32});
  const auto request = submit(*in, *open(*in), prompt, params);
  const std::vector<int32_t> ids = finish(*in, *request);
  EXPECT_EQ(ids, std::vector<int32_t>(10, 11));
  EXPECT_LE(difference(*request, prompt, ids), kLogTolerance);
}

TEST_F(LikelyTest, BiasesForbidAndForce) {
  const std::vector<int32_t> prompt = random_tokens(spec_, 33, 9);
  const auto in = context(*loaded_, {.context_tokens = 128, .max_sequences = 3});
  for (const GenerationParams& plain : {greedy_params(20), sampled_params(20, 3)}) {
    const std::vector<int32_t> ids = generate(*in, *open(*in), prompt, plain);
    GenerationParams without = plain, none = plain;
    for (const int32_t id : ids) add_bias(without, id, -1e9f);
    for (const int32_t id : generate(*in, *open(*in), prompt, without)) EXPECT_EQ(std::ranges::count(ids, id), 0);
    add_bias(none, ids[0], 0);
    EXPECT_EQ(generate(*in, *open(*in), prompt, none), ids);
    for (const auto& sequence : in->sequences())
      if (sequence) in->close_sequence(sequence.get());
  }
}

TEST(LogProbabilities, TheLikeliestOfSmallRows) {
  const std::vector<float> logits = {1, 3, -INFINITY, 3, 2};
  std::vector<LikelyToken> top(4);
  const float said = log_probability_of(logits, 4, top);
  EXPECT_NEAR(static_cast<double>(said), 2 - std::log(std::exp(1) + 2 * std::exp(3) + std::exp(2)), 1e-6);
  const int32_t ids[] = {1, 3, 4, 0};
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(top[i].id, ids[i]);
  EXPECT_EQ(top[2].log_probability, said);
}

}  // namespace pumice::test::likely_test
