// A model that computes NaN is an error, and nothing of such a step is kept.
#include "engine/finite.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "support/engine_fixture.h"

namespace pumice::test::finite_test {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(Finite, TellsRowsOfLogitsApart) {
  const auto row = [](float value) { return std::vector<float>{1, value, -2}; };
  EXPECT_TRUE(finite(row(3)));
  EXPECT_TRUE(finite(row(-kInfinity))) << "a token that cannot be drawn";
  EXPECT_FALSE(finite(row(kInfinity)));
  EXPECT_FALSE(finite(row(std::nanf(""))));
  EXPECT_FALSE(finite(std::vector<float>{-kInfinity, -kInfinity}));
}

class FiniteTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (IsSkipped()) return;
    std::vector<std::byte> bytes = make_synthetic_model(spec_);
    {
      const Result<Gguf> file = Gguf::from_memory(std::span<const std::byte>(bytes));
      ASSERT_TRUE(file.ok());
      const GgufTensor* const norm = file->find_tensor("blk.1.ffn_norm.weight");
      ASSERT_TRUE(norm);
      const size_t at = static_cast<size_t>(norm->data.data() - bytes.data());
      const float nan = std::nanf("");
      std::memcpy(bytes.data() + at, &nan, sizeof nan);
    }
    loaded_ = load(std::move(bytes));
    ASSERT_TRUE(loaded_);
    vocabulary_ = spec_.vocabulary;
    in_ = context(*loaded_, {.context_tokens = 256, .prefill_slice = 32, .cache = {.reuse = true}});
    sequence_ = open(*in_);
  }
  void TearDown() override {
    in_.reset();
    EngineTest::TearDown();
  }
  void expect_nothing_kept(const Error& error) {
    EXPECT_EQ(error.status, Status::kMalformed);
    EXPECT_NE(error.message.find("computes NaN"), std::string::npos) << error.message;
    EXPECT_TRUE(sequence_->tokens.empty());
    EXPECT_EQ(sequence_->computed, 0u);
    EXPECT_EQ(in_->cache().stats().sealed_pages, 0u);
    EXPECT_EQ(in_->pool().used(), 0u);
  }

  SyntheticModel spec_{.layers = 2, .separate_output = true, .seed = 42};
  std::vector<int32_t> ids_ = random_tokens(spec_, 100, 11);
  std::unique_ptr<LoadedModel> loaded_;
  std::unique_ptr<Context> in_;
  Sequence* sequence_ = nullptr;
};

TEST_F(FiniteTest, ARequestFails) {
  for (const GenerationParams& params : {greedy_params(5), sampled_params(5, 1)}) {
    const std::shared_ptr<Request> request = submit(*in_, *sequence_, ids_, params);
    EXPECT_TRUE(finish(*in_, *request).empty());
    EXPECT_EQ(request->status, RequestStatus::kFailed);
    expect_nothing_kept(request->error);
  }
}

TEST_F(FiniteTest, EvaluatingFails) {
  std::vector<float> logits(vocabulary_, 7.0f);
  const Result<void> done = in_->evaluate(*sequence_, ids_, logits);
  ASSERT_FALSE(done.ok());
  expect_nothing_kept(done.error());
  EXPECT_EQ(logits.front(), 7.0f);
}

TEST_F(FiniteTest, ScoringFails) {
  std::vector<int32_t> targets(ids_.begin() + 1, ids_.end());
  targets.push_back(-1);
  const Result<void> done =
      in_->score(*sequence_, {.ids = ids_, .targets = targets, .log_probabilities = {}, .on_rows = {}});
  ASSERT_FALSE(done.ok());
  expect_nothing_kept(done.error());
}

// Nobody has seen logits after a prompt that was cancelled half-way, so it is not shared; the sequence itself goes on.
TEST_F(FiniteTest, WhatWasNotVerifiedIsNotShared) {
  const std::shared_ptr<Request> request = submit(*in_, *sequence_, ids_, greedy_params(5));
  while (request->ready < 32) ASSERT_TRUE(in_->step().ok());
  in_->abandon(*request);
  EXPECT_GE(sequence_->computed, 32u);
  EXPECT_EQ(in_->cache().stats().sealed_pages, 0u);
  const auto copy = in_->fork(*sequence_, 64);
  EXPECT_FALSE(copy.ok()) << "there is one slot only";
  EXPECT_EQ(in_->cache().stats().sealed_pages, 0u);
}

}  // namespace pumice::test::finite_test
