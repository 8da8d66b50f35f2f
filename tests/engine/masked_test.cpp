// Requests under a grammar: every reply is of its form, others in the batch draw what they draw alone, and whatever
// happens between the two parts of a step leaves nothing behind.
#include <gtest/gtest.h>

#include "engine/vocabulary.h"
#include "support/engine_fixture.h"
#include "support/slice.h"
#include "test_paths.h"
#include "tests/grammar/grammar_support.h"

namespace pumice::test::masked_test {

using grammar::Grammar;
using grammar::Matcher;
using grammar::TokenTrie;

class MaskedTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (IsSkipped()) return;
    loaded_ = load(Gguf::open(PUMICE_MODELS_DIR "/storyteller-5m-Q4_K_M.gguf"));
    ASSERT_TRUE(loaded_);
    tokenizer_ = std::move(Tokenizer::create(std::move(read_tokenizer(*loaded_->file)).value())).value();
    tokens_ = TokenTrie::create(*tokenizer_);
    for (int32_t id = 0; id < tokenizer_->vocabulary_size(); ++id)
      if (tokenizer_->is_end_of_generation(id)) stops_.push_back(id);
    prompt_ = tokenizer_->encode("Once upon a time", {});
  }
  GenerationParams masked(const std::shared_ptr<const Grammar>& grammar, uint32_t tokens, uint64_t seed) {
    GenerationParams params = sampled_params(tokens, seed);
    params.sampler.temperature = 1.5f;
    params.matcher = std::make_shared<Matcher>(grammar, tokens_);
    return params;
  }
  std::string text_of(const std::vector<int32_t>& ids) const {
    std::string text;
    for (const int32_t id : ids) text += tokenizer_->token_bytes(id);
    return text;
  }
  static std::shared_ptr<const Grammar> schema(const char* text) {
    return testing::made(Grammar::from_schema_text(text));
  }

  std::unique_ptr<LoadedModel> loaded_;
  std::optional<Tokenizer> tokenizer_;
  std::shared_ptr<const TokenTrie> tokens_;
  std::vector<int32_t> stops_, prompt_;
};

const char* const kSchemas[] = {
    R"({"type":"object","properties":{"name":{"type":"string","maxLength":12},"age":{"type":"integer","maximum":99,
        "minimum":1}},"required":["name","age"],"additionalProperties":false})",
    R"({"type":"array","items":{"enum":["red","green",3]},"maxItems":4})",
    R"({"type":"boolean"})",
};

TEST_F(MaskedTest, EveryReplyIsOfItsForm) {
  for (const uint32_t steps : {1u, 3u})
    for (const bool each_step : {false, true}) {
      const auto in =
          context(*loaded_, {.context_tokens = 256, .record_each_step = each_step, .steps_ahead = steps}, stops_);
      for (const char* text : kSchemas)
        for (const uint64_t seed : slice_of({1, 2, 3, 4})) {
          const auto grammar = schema(text);
          Sequence* sequence = open(*in);
          RequestStatus status{};
          const std::string reply = text_of(generate(*in, *sequence, prompt_, masked(grammar, 80, seed), &status));
          if (status == RequestStatus::kFinishedEos) {
            EXPECT_TRUE(testing::accepts(grammar, reply)) << text << ": " << reply;
          } else {
            EXPECT_EQ(status, RequestStatus::kFinishedLength) << reply;
          }
          in->close_sequence(sequence);
        }
    }
}

TEST_F(MaskedTest, OthersDrawWhatTheyDrawAlone) {
  PUMICE_SLICE(2);
  const auto grammar = schema(kSchemas[0]);
  const auto alone = [&](const GenerationParams& params) {
    const auto in = context(*loaded_, {.context_tokens = 256}, stops_);
    return generate(*in, *open(*in), prompt_, params);
  };
  const std::vector<int32_t> free = alone(sampled_params(40, 7)), greedy = alone(greedy_params(30));
  const std::vector<int32_t> formed = alone(masked(grammar, 60, 3));
  const auto in = context(*loaded_, {.context_tokens = 1024, .max_sequences = 4, .steps_ahead = 3}, stops_);
  const auto first = submit(*in, *open(*in), prompt_, sampled_params(40, 7));
  const auto second = submit(*in, *open(*in), prompt_, masked(grammar, 60, 3));
  const auto third = submit(*in, *open(*in), prompt_, greedy_params(30));
  const auto fourth = submit(*in, *open(*in), prompt_, masked(grammar, 60, 3));
  EXPECT_EQ(finish(*in, *first), free);
  EXPECT_EQ(finish(*in, *second), formed);
  EXPECT_EQ(finish(*in, *third), greedy);
  EXPECT_EQ(finish(*in, *fourth), formed);
}

// At every number of steps: one that ends while a step is open, and logits that are asked for meanwhile.
TEST_F(MaskedTest, EndingAnywhereLeavesNothing) {
  PUMICE_SLICE(1);
  const auto grammar = schema(kSchemas[0]);
  const auto in = context(*loaded_, {.context_tokens = 1024, .max_sequences = 4, .steps_ahead = 2}, stops_);
  const std::vector<float> expected = logits_of(*in, prompt_);
  const std::vector<int32_t> free = generate(*in, *open(*in), prompt_, sampled_params(20, 5));
  for (int calls = 1; calls < 16; ++calls) {
    Sequence* sequence = open(*in);
    const auto request = submit(*in, *sequence, prompt_, masked(grammar, 60, 3));
    for (int i = 0; i < calls; ++i) ASSERT_TRUE(in->step().ok());
    EXPECT_EQ(logits_of(*in, prompt_), expected) << calls;
    ASSERT_TRUE(in->step().ok());
    if (calls % 2 == 0) request->cancel = true;
    in->close_sequence(sequence);
    Sequence* next = open(*in);
    EXPECT_EQ(generate(*in, *next, prompt_, sampled_params(20, 5)), free) << calls;
    in->close_sequence(next);
  }
}

TEST_F(MaskedTest, ChoicesAreForced) {
  const auto in = context(*loaded_, {.context_tokens = 256, .max_sequences = 2}, stops_);
  const auto grammar = testing::made(Grammar::from_choices({"a choice that nobody would tell in a story"}));
  RequestStatus status{};
  EXPECT_EQ(text_of(generate(*in, *open(*in), prompt_, masked(grammar, 100, 1), &status)),
            "a choice that nobody would tell in a story");
  EXPECT_EQ(status, RequestStatus::kFinishedEos);
}

// Log-probabilities are the model's, as if there were no grammar.
TEST_F(MaskedTest, WhatIsToldIsNotMasked) {
  const auto in = context(*loaded_, {.context_tokens = 256, .max_sequences = 3});
  GenerationParams params = masked(schema(kSchemas[0]), 30, 5);
  params.log_probabilities = true;
  params.top_tokens = 1;
  const auto beside = submit(*in, *open(*in), prompt_, sampled_params(40, 3));
  const auto request = submit(*in, *open(*in), prompt_, params);
  const std::vector<int32_t> ids = finish(*in, *request);
  finish(*in, *beside);
  ASSERT_EQ(request->log_probabilities.size(), ids.size());
  vocabulary_ = loaded_->model->spec().vocabulary;
  size_t unlikely = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    const std::vector<float> logits =
        logits_of(*in, joined(prompt_, {ids.begin(), ids.begin() + static_cast<ptrdiff_t>(i)}));
    LikelyToken top;
    EXPECT_NEAR(request->log_probabilities[i], log_probability_of(logits, ids[i], {&top, 1}), 2e-2f);
    EXPECT_NEAR(request->top[i].log_probability, top.log_probability, 2e-2f);
    unlikely += request->log_probabilities[i] < top.log_probability - 1;
  }
  EXPECT_GT(unlikely, ids.size() / 4) << "a mask would not be seen";
}

}  // namespace pumice::test::masked_test
