// Scoring: log-probabilities and logits of many tokens at once, against the reference and against evaluate().
#include "engine/score.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "model/llama_comparison.h"
#include "test_paths.h"

namespace pumice::test::score_test {

constexpr float kUntouched = 12345;

TEST(TargetRuns, AreTheWantedOnesInOrder) {
  const std::vector<int32_t> targets = {-1, 5, 6, -1, -1, 7, 8, 9, 1};
  const auto run = [&](size_t from, size_t end, size_t most) {
    const TargetRun found = next_target_run(targets, from, end, most);
    return std::pair(found.first, found.count);
  };
  EXPECT_EQ(run(0, 9, 16), std::pair(size_t{1}, size_t{2}));
  EXPECT_EQ(run(3, 9, 16), std::pair(size_t{5}, size_t{4}));
  EXPECT_EQ(run(3, 9, 3), std::pair(size_t{5}, size_t{3}));
  EXPECT_EQ(run(8, 9, 3), std::pair(size_t{8}, size_t{1}));
  EXPECT_EQ(run(2, 7, 16), std::pair(size_t{2}, size_t{1}));
  EXPECT_EQ(run(5, 7, 16), std::pair(size_t{5}, size_t{2})) << "ends with the slice";
  EXPECT_EQ(run(3, 5, 16).second, 0u);
  EXPECT_EQ(run(9, 9, 16).second, 0u);
}

TEST(LogSumExp, DoesNotOverflow) {
  const std::vector<float> huge = {3e38f, 3e38f, -3e38f}, small = {-1000, -1000};
  EXPECT_DOUBLE_EQ(log_sum_exp(huge), static_cast<double>(3e38f) + std::log(2.0));
  EXPECT_DOUBLE_EQ(log_sum_exp(small), -1000 + std::log(2.0));
  const std::vector<float> wrong = {0, std::numeric_limits<float>::quiet_NaN()};
  EXPECT_TRUE(std::isnan(log_sum_exp(wrong)));
}

class ScoreTest : public LlamaTest {
 protected:
  void SetUp() override {
    LlamaTest::SetUp();
    if (!IsSkipped()) reload();
  }
  void reload() {
    loaded_ = load(make_synthetic_model(spec_));
    ASSERT_TRUE(loaded_);
    vocabulary_ = spec_.vocabulary;
  }

  struct Scores {
    std::vector<float> log_probabilities, logits;  // (n), (n, vocabulary)
    std::vector<size_t> rows;                      // how often each was delivered
    Result<void> result;
  };
  Scores score(Context& in, Sequence& sequence, std::span<const int32_t> ids, std::span<const int32_t> targets) {
    Scores scores{.log_probabilities = std::vector<float>(ids.size(), kUntouched),
                  .logits = std::vector<float>(ids.size() * vocabulary_, kUntouched),
                  .rows = std::vector<size_t>(ids.size())};
    size_t next = 0;
    scores.result = in.score(sequence, {.ids = ids,
                                        .targets = targets,
                                        .log_probabilities = scores.log_probabilities,
                                        .on_rows = [&](const LogitRows& rows) {
                                          EXPECT_GE(rows.first, next) << "not in order";
                                          next = rows.first + rows.count;
                                          for (size_t i = 0; i < rows.count; ++i) {
                                            ++scores.rows[rows.first + i];
                                            std::copy_n(rows.logits + i * rows.stride, vocabulary_,
                                                        scores.logits.data() + (rows.first + i) * vocabulary_);
                                          }
                                          return true;
                                        }});
    EXPECT_TRUE(scores.result.ok()) << scores.result.error().message;
    return scores;
  }
  std::span<const float> row(const Scores& scores, size_t i) const {
    return std::span(scores.logits).subspan(i * vocabulary_, vocabulary_);
  }

  SyntheticModel spec_{.layers = 2, .separate_output = true, .seed = 42};
  std::unique_ptr<LoadedModel> loaded_;
};

// The targets that a text has: its next tokens; the last one has none.
std::vector<int32_t> next_tokens(std::span<const int32_t> text) {
  std::vector<int32_t> targets(text.begin() + 1, text.end());
  targets.push_back(-1);
  return targets;
}

TEST_F(ScoreTest, AgreesWithTheReference) {
  const std::vector<int32_t> text = random_tokens(spec_, 120, 3);
  const std::vector<int32_t> targets = next_tokens(text);
  ReferenceLogits expected(*loaded_->file, text);
  for (const Mask mask : {Mask::kNone, Mask::kShared, Mask::kSmallBindings}) {
    use(mask);
    reload();
    const auto in = context(*loaded_, {.context_tokens = 128, .kv_type = KvType::kF32, .prefill_slice = 32});
    ASSERT_TRUE(in);
    const Scores scores = score(*in, *open(*in), text, targets);
    double worst = 0, shifted = 0;
    for (size_t i = 0; i + 1 < text.size(); ++i) {
      ASSERT_EQ(scores.rows[i], 1u) << i;
      const std::vector<double> right = log_probabilities(expected.after(i + 1));
      const auto off = [&](int32_t target) {
        return std::fabs(right[static_cast<size_t>(target)] - static_cast<double>(scores.log_probabilities[i]));
      };
      worst = std::max({worst, off(targets[i]), log_difference(row(scores, i), expected.after(i + 1))});
      shifted = std::max(shifted, off(text[i]));
    }
    EXPECT_LE(worst, kLogTolerance) << mask_name(mask);
    EXPECT_GT(shifted, 1) << "other targets would do as well";
    EXPECT_EQ(scores.rows.back(), 0u);
    EXPECT_EQ(scores.log_probabilities.back(), kUntouched);
  }
}

// Row by row the logits that evaluate() gives, whatever came before and however the text is cut.
TEST_F(ScoreTest, AgreesWithEvaluatingTokenByToken) {
  const std::vector<int32_t> text = random_tokens(spec_, 100, 4);
  const auto in = context(*loaded_, {.context_tokens = 256, .max_sequences = 2, .prefill_slice = 32});
  ASSERT_TRUE(in);
  Sequence* one = open(*in);
  std::vector<std::vector<float>> expected;
  for (const int32_t id : text) expected.push_back(evaluate(*in, *one, {&id, 1}));
  const bool exact = caps().type == vk::DeviceType::kCpu;  // rows alone or together are the same there
  Sequence* many = open(*in);
  for (const size_t cut : {0u, 1u, 31u, 32u, 33u, 47u, 99u}) {
    ASSERT_TRUE(in->truncate(*many, 0).ok());
    if (cut > 0) (void)evaluate(*in, *many, std::span(text).first(cut));
    const std::span<const int32_t> rest = std::span(text).subspan(cut);
    const Scores scores = score(*in, *many, rest, rest);
    EXPECT_EQ(many->tokens.size(), text.size());
    for (size_t i = 0; i < rest.size(); ++i) {
      if (exact) {
        EXPECT_TRUE(std::ranges::equal(row(scores, i), expected[cut + i])) << cut << ": " << i;
      }
      EXPECT_LE(log_difference(row(scores, i), expected[cut + i]), kLogTolerance) << cut << ": " << i;
    }
    EXPECT_EQ(evaluate(*in, *many, std::span(text).first(1)), evaluate(*in, *one, std::span(text).first(1)));
    ASSERT_TRUE(in->truncate(*one, 100).ok());
  }
}

TEST_F(ScoreTest, ComputesOnlyTheLogitsThatAreWanted) {
  const std::vector<int32_t> text = random_tokens(spec_, 90, 5);
  std::vector<int32_t> targets(text.size(), -1);
  for (const size_t i : {0u, 30u, 31u, 32u, 40u, 89u}) targets[i] = text[(i + 1) % text.size()];
  const auto in = context(*loaded_, {.context_tokens = 128, .prefill_slice = 32});
  ASSERT_TRUE(in);
  Sequence* sequence = open(*in);
  const Scores all = score(*in, *sequence, text, text);
  ASSERT_TRUE(in->truncate(*sequence, 0).ok());
  const uint64_t before = in->stats().submissions;
  const Scores some = score(*in, *sequence, text, targets);
  EXPECT_EQ(in->stats().submissions - before, 3u + 5u) << "slices, and runs that end with their slice";
  for (size_t i = 0; i < text.size(); ++i) {
    EXPECT_EQ(some.rows[i], targets[i] < 0 ? 0u : 1u) << i;
    EXPECT_EQ(some.log_probabilities[i] != kUntouched, targets[i] >= 0) << i;
    if (targets[i] >= 0) {
      EXPECT_TRUE(std::ranges::equal(row(some, i), row(all, i))) << i;
    }
  }
  ASSERT_TRUE(in->truncate(*sequence, 0).ok());
  const std::vector<int32_t> none(text.size(), -1);
  const Scores nothing = score(*in, *sequence, text, none);
  EXPECT_EQ(sequence->computed, text.size());
  EXPECT_TRUE(std::ranges::all_of(nothing.rows, [](size_t n) { return n == 0; }));
}

TEST_F(ScoreTest, WorksWithoutTheCacheAndBesideARunningRequest) {
  const std::vector<int32_t> text = random_tokens(spec_, 70, 6);
  const auto plain = context(*loaded_, {.context_tokens = 128});
  const Scores expected = score(*plain, *open(*plain), text, text);
  const auto uncached = context(*loaded_, {.context_tokens = 128, .disable_kv_cache = true});
  Sequence* sequence = open(*uncached);
  (void)evaluate(*uncached, *sequence, std::span(text).first(20));
  const Scores rest = score(*uncached, *sequence, std::span(text).subspan(20), std::span(text).subspan(20));
  EXPECT_TRUE(std::ranges::equal(rest.log_probabilities, std::span(expected.log_probabilities).subspan(20)));

  const auto shared = context(*loaded_, {.context_tokens = 256, .max_sequences = 2});
  const std::vector<int32_t> alone = generate(*shared, *open(*shared), text, greedy_params(30));
  const auto in = context(*loaded_, {.context_tokens = 256, .max_sequences = 2});
  const auto request = submit(*in, *open(*in), text, greedy_params(30));
  Sequence* other = open(*in);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(in->step().ok());
    ASSERT_TRUE(in->truncate(*other, 0).ok());
    EXPECT_EQ(score(*in, *other, text, text).log_probabilities, expected.log_probabilities);
  }
  EXPECT_EQ(finish(*in, *request), alone);
}

TEST_F(ScoreTest, AFailureLeavesTheSequenceAsItWas) {
  const std::vector<int32_t> text = random_tokens(spec_, 40, 7);
  const auto in = context(*loaded_, {.context_tokens = 64});
  ASSERT_TRUE(in);
  Sequence* sequence = open(*in);
  (void)evaluate(*in, *sequence, std::span(text).first(10));
  std::vector<int32_t> targets = text;
  const auto refused = [&](const ScoreArgs& args, Status status) {
    const Result<void> result = in->score(*sequence, args);
    EXPECT_FALSE(result.ok());
    if (!result) {
      EXPECT_EQ(result.error().status, status) << result.error().message;
    }
    EXPECT_EQ(sequence->tokens.size(), 10u);
    EXPECT_EQ(sequence->computed, 10u);
    EXPECT_EQ(in->pool().used(), 1u);
  };
  refused({.ids = {}, .targets = {}}, Status::kInvalidArgument);
  refused({.ids = text, .targets = std::span(targets).first(39)}, Status::kInvalidArgument);
  std::vector<float> few(39);
  refused({.ids = text, .targets = targets, .log_probabilities = few}, Status::kInvalidArgument);
  targets[20] = static_cast<int32_t>(vocabulary_);
  refused({.ids = text, .targets = targets}, Status::kInvalidArgument);
  refused({.ids = targets, .targets = text}, Status::kInvalidArgument);
  const std::vector<int32_t> longer = random_tokens(spec_, 60, 7);
  refused({.ids = longer, .targets = longer}, Status::kContextFull);
  int calls = 0;
  refused({.ids = text, .targets = text, .on_rows = [&](const LogitRows&) { return ++calls < 2; }}, Status::kCancelled);
  EXPECT_EQ(calls, 2);
  const Scores after = score(*in, *sequence, std::span(text).subspan(10), std::span(text).subspan(10));
  const auto fresh = context(*loaded_, {.context_tokens = 64});
  const Scores whole = score(*fresh, *open(*fresh), text, text);
  EXPECT_TRUE(std::ranges::equal(after.log_probabilities, std::span(whole.log_probabilities).subspan(10)));
}

TEST_F(ScoreTest, OfTheBundledModelAgreesWithTheReference) {
  const auto bundled = load(Gguf::open(std::string(PUMICE_MODELS_DIR) + "/storyteller-5m-Q4_K_M.gguf"));
  ASSERT_TRUE(bundled);
  vocabulary_ = bundled->model->spec().vocabulary;
  std::vector<int32_t> text = {4095, 1840, 701, 258, 502};
  const auto in = context(*bundled, {.context_tokens = 64, .kv_type = KvType::kF32});
  Sequence* sequence = open(*in);
  const std::vector<int32_t> story = generate(*in, *sequence, text, greedy_params(40));
  text.insert(text.end(), story.begin(), story.end());
  ASSERT_TRUE(in->truncate(*sequence, 0).ok());
  const std::vector<int32_t> targets = next_tokens(text);
  const Scores scores = score(*in, *sequence, text, targets);
  ReferenceLogits expected(*bundled->file, text);
  double sum = 0, reference = 0;
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    sum -= static_cast<double>(scores.log_probabilities[i]);
    reference -= log_probabilities(expected.after(i + 1))[static_cast<size_t>(targets[i])];
  }
  const auto tokens = static_cast<double>(text.size() - 1);
  std::printf("  perplexity %.5f, reference %.5f\n", std::exp(sum / tokens), std::exp(reference / tokens));
  EXPECT_NEAR(sum / tokens, reference / tokens, kLogTolerance);
}

}  // namespace pumice::test::score_test
