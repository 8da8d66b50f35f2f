// Guesses from the text itself: what they are, when they pay, and that checking them changes nothing but time.
#include "engine/guesses.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <numeric>
#include <random>

#include "engine/vocabulary.h"
#include "model/llama_comparison.h"
#include "support/slice.h"

namespace pumice::test::guesses_test {

std::vector<int32_t> guessed(std::vector<int32_t> text, size_t most) {
  std::vector<int32_t> guesses(most);
  guesses.resize(guess_next(text, guesses));
  return guesses;
}

TEST(Guesses, AreWhatFollowedTheLongestLatestMatch) {
  using Ids = std::vector<int32_t>;
  EXPECT_EQ(guessed({}, 3), Ids());
  EXPECT_EQ(guessed({1, 2, 3, 9, 1, 2, 3}, 3), Ids()) << "three tokens are too few";
  EXPECT_EQ(guessed({1, 2, 3, 4, 9, 8, 1, 2, 3, 4}, 2), Ids({9, 8}));
  EXPECT_EQ(guessed({0, 1, 2, 3, 4, 7, 5, 1, 2, 3, 4, 8, 0, 1, 2, 3, 4}, 1), Ids({7})) << "the longest";
  EXPECT_EQ(guessed({1, 2, 3, 4, 7, 1, 2, 3, 4, 8, 1, 2, 3, 4}, 1), Ids({8})) << "the latest of equals";
  EXPECT_EQ(guessed({5, 6, 5, 6, 5, 6}, 5), Ids({5, 6, 5, 6, 5})) << "what repeats goes on";
  EXPECT_EQ(guessed({1, 2, 3, 4, 9, 1, 2, 3, 4}, 0), Ids());
}

TEST(Guesses, RestWhereTheyLoseEverLonger) {
  GuessGain gain;
  EXPECT_FALSE(gain.worth_trying(0)) << "nothing is known of plain steps";
  for (int i = 0; i < 10; ++i) gain.plain(1);
  EXPECT_TRUE(gain.worth_trying(0));
  for (const uint32_t most : {2u, 4u, 8u, 15u, 15u}) {
    EXPECT_EQ(gain.most(), most);
    gain.checked(2, most, most + 1, 20);
    EXPECT_TRUE(gain.worth_trying(20)) << "more tokens than its time is worth";
  }
  for (const uint32_t most : {15u, 7u, 3u, 2u, 2u}) {
    EXPECT_EQ(gain.most(), most);
    gain.checked(0.1, most, 1, 20);
  }
  uint64_t at = 20;
  for (const uint64_t rest : {64u, 128u, 256u, 1000u}) {
    while (gain.worth_trying(at)) gain.checked(rest == 1000 ? 16 : 1.5, 2, 1, at);
    EXPECT_FALSE(gain.worth_trying(at + rest - 1));
    EXPECT_TRUE(gain.worth_trying(at + rest));
    at += rest;
  }
}

class SpeculationTest : public LlamaTest {
 protected:
  void SetUp() override {
    LlamaTest::SetUp();
    if (IsSkipped()) return;
    loaded_ = load(make_synthetic_model(spec_));
    ASSERT_TRUE(loaded_);
    vocabulary_ = spec_.vocabulary;
  }
  // Whether they pay or not.
  static ContextOptions options(uint32_t guesses) {
    return {.context_tokens = 512,
            .max_sequences = 3,
            .kv_type = KvType::kF32,
            .guesses = guesses,
            .guesses_must_pay = false};
  }
  // Of three tokens alone, so that much of what comes has been there before, but not all of it.
  static GenerationParams narrow(GenerationParams params) {
    for (const uint32_t token : {5u, 90u, 200u}) params.sampler.biases[params.sampler.bias_count++] = {token, 60};
    return params;
  }
  SyntheticModel spec_{.layers = 2, .separate_output = true, .seed = 42};
  std::unique_ptr<LoadedModel> loaded_;
};

TEST_F(SpeculationTest, TextsAreWhatTheyAreWithout) {
  PUMICE_SLICE(3);
  struct Case {
    Mask mask;
    KvType kv;
    uint32_t guesses;
    bool each_step;
  };
  for (const Case& c : {Case{Mask::kNone, KvType::kF32, 1, false}, Case{Mask::kNone, KvType::kF16, 4, false},
                        Case{Mask::kNone, KvType::kQ8_0, 15, false}, Case{Mask::kNone, KvType::kF16, 15, true},
                        Case{Mask::kDiscrete, KvType::kF16, 8, false}}) {
    SCOPED_TRACE(::testing::Message() << mask_name(c.mask) << ", " << c.guesses << " guesses");
    use(c.mask);
    loaded_ = load(make_synthetic_model(spec_));
    ContextOptions of = options(c.guesses), plain = options(0);
    of.record_each_step = c.each_step;
    of.kv_type = plain.kv_type = c.kv;
    const auto with = context(*loaded_, of), without = context(*loaded_, plain);
    const ContextStats& stats = with->stats();
    // Nothing is guessed until the pipelines of checks are there, which steps do not wait for.
    for (uint64_t seed = 1; seed <= 2 || (seed <= 12 && stats.accepted_tokens <= stats.decode_tokens / 6); ++seed) {
      const std::vector<int32_t> prompt = random_tokens(spec_, 20 + 7 * seed, seed);
      for (const GenerationParams& params :
           {greedy_params(80), narrow(greedy_params(80)), narrow(sampled_params(100, seed))}) {
        Sequence *const one = open(*with), *const other = open(*without);
        EXPECT_EQ(generate(*with, *one, prompt, params), generate(*without, *other, prompt, params));
        // What it left in the cache is of the text.
        const std::vector<int32_t> more = random_tokens(spec_, 3, seed);
        EXPECT_LE(log_difference(evaluate(*with, *one, more), evaluate(*without, *other, more)), kLogTolerance);
        with->close_sequence(one);
        without->close_sequence(other);
      }
    }
    std::printf("  %s: of %llu tokens %llu guessed, %llu of them right\n", mask_name(c.mask),
                static_cast<unsigned long long>(stats.decode_tokens),
                static_cast<unsigned long long>(stats.guessed_tokens),
                static_cast<unsigned long long>(stats.accepted_tokens));
    // Many were right and many were wrong: taking all of them, or none, would be seen.
    EXPECT_GT(stats.accepted_tokens, stats.decode_tokens / 6);
    EXPECT_GT(stats.guessed_tokens - stats.accepted_tokens, stats.decode_tokens / 20);
    EXPECT_EQ(without->stats().guessed_tokens, 0u);
  }
}

TEST_F(SpeculationTest, ARequestThatIsJoinedGoesOnInTheBatch) {
  const std::vector<int32_t> first = random_tokens(spec_, 30, 1), second = random_tokens(spec_, 70, 2);
  const GenerationParams long_one = narrow(sampled_params(150, 7)), short_one = narrow(greedy_params(60));
  const auto without = context(*loaded_, options(0));
  const auto alone = generate(*without, *open(*without), first, long_one);
  const auto other = generate(*without, *open(*without), second, short_one);
  // Nothing is guessed until the pipelines of checks are there, which steps do not wait for.
  const auto warm = context(*loaded_, options(8));
  for (int i = 0; i < 20 && warm->stats().accepted_tokens < 40; ++i)
    EXPECT_EQ(generate(*warm, *open(*warm), first, long_one), alone);
  uint64_t accepted = 0;
  for (const uint32_t before : {1u, 20u, 60u}) {
    const auto in = context(*loaded_, options(8));
    const auto request = submit(*in, *open(*in), first, long_one);
    while (request->generated_tokens < before) {
      const Result<bool> news = in->wait(*request, 60000);
      ASSERT_TRUE(news.ok() && *news);
    }
    const auto joined = submit(*in, *open(*in), second, short_one);
    EXPECT_EQ(finish(*in, *joined), other) << before;
    EXPECT_EQ(finish(*in, *request), alone) << before;
    accepted += in->stats().accepted_tokens;
  }
  EXPECT_GT(accepted, 30u);
}

TEST_F(SpeculationTest, EndsAreThoseWithout) {
  PUMICE_SLICE(2);
  const std::vector<int32_t> prompt = random_tokens(spec_, 30, 1);
  const auto ended = [&](Context& in, const GenerationParams& params, RequestStatus* status) {
    Sequence* const sequence = open(in);
    const std::vector<int32_t> ids = generate(in, *sequence, prompt, params, status);
    in.close_sequence(sequence);
    return ids;
  };
  const auto without = context(*loaded_, options(0)), with = context(*loaded_, options(15));
  RequestStatus status = RequestStatus::kRunning;
  for (const uint32_t most : {1u, 2u, 3u, 7u, 30u, 31u}) {
    EXPECT_EQ(ended(*with, narrow(greedy_params(most)), &status).size(), most);
    EXPECT_EQ(status, RequestStatus::kFinishedLength);
  }
  // A context that is full, and a token that ends the text among those that are guessed.
  const GenerationParams endless = narrow(sampled_params(0, 3));
  const auto ids = ended(*without, endless, nullptr);
  EXPECT_EQ(ended(*with, endless, &status), ids);
  EXPECT_EQ(status, RequestStatus::kFinishedContext);
  const std::vector<int32_t> stops = {ids[0] == 5 ? 90 : 5};
  const auto stopping = context(*loaded_, options(0), stops), stopping_with = context(*loaded_, options(15), stops);
  for (uint64_t seed = 1; seed < 4; ++seed) {
    GenerationParams params = narrow(sampled_params(0, seed));
    params.sampler.biases[1].value = params.sampler.biases[0].value = 57;  // the ends are rarer
    EXPECT_EQ(ended(*stopping_with, params, &status), ended(*stopping, params, nullptr));
    EXPECT_EQ(status, RequestStatus::kFinishedEos);
  }
}

TEST_F(SpeculationTest, ItGoesOnAfterBeingCancelledAndWithPagesThatOthersTake) {
  const std::vector<int32_t> prompt = random_tokens(spec_, 30, 1);
  const GenerationParams params = narrow(sampled_params(100, 7));
  const auto without = context(*loaded_, options(0)), in = context(*loaded_, options(8));
  const auto expected = generate(*without, *open(*without), prompt, params);
  for (uint32_t after = 1; after < 60; after += 13) {
    Sequence* const sequence = open(*in);
    const auto request = submit(*in, *sequence, prompt, params);
    while (request->generated_tokens < after) ASSERT_TRUE(in->wait(*request, 60000).ok());
    in->abandon(*request);
    // What is left is a beginning of the text, and is found again.
    ASSERT_LE(sequence->tokens.size(), prompt.size() + expected.size());
    EXPECT_TRUE(std::equal(sequence->tokens.begin() + static_cast<ptrdiff_t>(prompt.size()), sequence->tokens.end(),
                           expected.begin()));
    in->close_sequence(sequence);
  }
  EXPECT_EQ(generate(*in, *open(*in), prompt, params), expected);
}

TEST_F(SpeculationTest, WhatItCannotFollowItLeavesAlone) {
  const auto in = context(*loaded_, options(8));
  GenerationParams penalised = narrow(greedy_params(60)), told = narrow(greedy_params(60));
  penalised.sampler.repeat_penalty = 1.2f;
  penalised.sampler.penalty_window = 64;
  told.log_probabilities = true;
  for (const GenerationParams& params : {penalised, told})
    generate(*in, *open(*in), random_tokens(spec_, 30, 1), params);
  EXPECT_EQ(in->stats().guessed_tokens, 0u);
  EXPECT_FALSE(Context::create(*loaded_->model, {}, options(16)).ok());
}

// A draft that is the model itself is always right, and one with other weights mostly wrong.
TEST_F(SpeculationTest, ADraftChangesNothingButTime) {
  PUMICE_SLICE(3);
  SyntheticModel other = spec_;
  other.seed = 77;
  const auto stranger = load(make_synthetic_model(other));
  const auto without = context(*loaded_, options(0));
  for (const LoadedModel* draft : {loaded_.get(), stranger.get()}) {
    ContextOptions of = options(0);
    of.draft = &*draft->model;
    of.draft_guesses = 5;
    const auto with = context(*loaded_, of);
    const ContextStats& stats = with->stats();
    for (uint64_t seed = 1; seed <= 2 || (seed <= 12 && stats.guessed_tokens <= stats.decode_tokens); ++seed)
      for (const GenerationParams& params :
           {greedy_params(40), sampled_params(40, seed), narrow(sampled_params(40, seed))}) {
        const std::vector<int32_t> prompt = random_tokens(spec_, 20 + 30 * seed, seed);
        Sequence *const one = open(*with), *const other_one = open(*without);
        EXPECT_EQ(generate(*with, *one, prompt, params), generate(*without, *other_one, prompt, params));
        with->close_sequence(one);
        without->close_sequence(other_one);
      }
    EXPECT_GT(stats.guessed_tokens, stats.decode_tokens);
    if (draft == loaded_.get())
      EXPECT_GT(stats.accepted_tokens, stats.decode_tokens / 4);
    else
      EXPECT_LT(stats.accepted_tokens, stats.decode_tokens / 2);
  }
}

// Texts that are sampled with and without guesses are samples of one distribution: a permutation test of the counts of
// tokens and of pairs of them, whose unit is a text. PUMICE_TEST_STORIES: stories260K-F32.gguf; PUMICE_TEST_TEXTS: how
// many of 40 tokens for each sample (2,500).
using Texts = std::vector<std::vector<int32_t>>;

double chi_squared(const Texts& all, const std::vector<size_t>& order) {
  std::map<std::pair<int32_t, int32_t>, std::array<double, 2>> counts;
  for (size_t i = 0; i < order.size(); ++i) {
    int32_t before = -1;
    for (const int32_t token : all[order[i]]) {
      counts[{-1, token}][2 * i / order.size()] += 1;
      if (before >= 0) counts[{before, token}][2 * i / order.size()] += 1;
      before = token;
    }
  }
  double sum = 0;
  for (const auto& [tokens, n] : counts) sum += (n[0] - n[1]) * (n[0] - n[1]) / (n[0] + n[1]);
  return sum;
}

double permutation_p(const Texts& one, const Texts& other) {
  constexpr int kPermutations = 199;
  Texts all = one;
  all.insert(all.end(), other.begin(), other.end());
  std::vector<size_t> order(all.size());
  std::iota(order.begin(), order.end(), 0);
  const double seen = chi_squared(all, order);
  std::mt19937 random(1);
  int as_far = 1;
  for (int i = 0; i < kPermutations; ++i) {
    std::shuffle(order.begin(), order.end(), random);
    as_far += chi_squared(all, order) >= seen;
  }
  return as_far / (kPermutations + 1.0);
}

TEST_F(SpeculationTest, SampledTextsHaveTheSameDistribution) {
  const char* const path = std::getenv("PUMICE_TEST_STORIES");
  if (!path) GTEST_SKIP() << "PUMICE_TEST_STORIES names no model";
  const char* const asked = std::getenv("PUMICE_TEST_TEXTS");
  const size_t texts = asked ? std::strtoul(asked, nullptr, 10) : 2500;
  loaded_ = load(Gguf::open(path));
  ASSERT_TRUE(loaded_);
  const Tokenizer tokenizer = std::move(Tokenizer::create(std::move(read_tokenizer(*loaded_->file)).value())).value();
  const std::string story = "Once upon a time, there was a little girl named Lily. She loved to play with her ball. ";
  const std::vector<int32_t> prompt = tokenizer.encode(story + story + "Once upon a", {});
  const auto sample = [&](Context& in, float temperature, uint64_t seed) {
    const size_t together = in.options().guesses > 0 ? 1 : in.options().max_sequences;
    Texts made;
    while (made.size() < texts) {
      std::vector<std::shared_ptr<Request>> running;
      for (size_t i = 0; i < std::min(together, texts - made.size()); ++i) {
        GenerationParams params = greedy_params(40);
        params.sampler.temperature = temperature;
        params.sampler.seed_low = static_cast<uint32_t>(seed + made.size() + i);
        running.push_back(submit(in, *open(in), prompt, params));
      }
      for (const std::shared_ptr<Request>& request : running) {
        made.push_back(finish(in, *request));
        in.close_sequence(request->sequence);
      }
    }
    return made;
  };
  ContextOptions many = options(0);
  many.context_tokens = 4096;
  many.max_sequences = 16;
  const auto with = context(*loaded_, options(8)), without = context(*loaded_, many);
  const Texts one = sample(*with, 1, 1), other = sample(*without, 1, 1'000'000);
  const Texts colder = sample(*without, 0.8f, 2'000'000);
  const ContextStats& stats = with->stats();
  EXPECT_GT(stats.accepted_tokens, stats.decode_tokens / 10);
  EXPECT_GT(stats.guessed_tokens - stats.accepted_tokens, stats.decode_tokens / 20) << "none was wrong";
  const double same = permutation_p(one, other), different = permutation_p(one, colder);
  std::printf("  %zu texts: of %llu tokens %llu guessed, %llu right; p %.3f, of another temperature %.3f\n", texts,
              static_cast<unsigned long long>(stats.decode_tokens),
              static_cast<unsigned long long>(stats.guessed_tokens),
              static_cast<unsigned long long>(stats.accepted_tokens), same, different);
  EXPECT_GT(same, 0.01);
  EXPECT_LE(different, 0.01) << "the test sees nothing";
}

}  // namespace pumice::test::guesses_test
