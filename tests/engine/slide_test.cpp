// Sliding: a sequence whose context is full goes on, as the reference does with the same tokens taken out of its cache.
#include "engine/slide.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model/llama_comparison.h"
#include "support/slice.h"
#include "test_paths.h"

namespace pumice::test::slide_test {

TEST(PagesToDrop, AreEnoughAndAtLeastAnEighth) {
  EXPECT_EQ(pages_to_drop(3, 1, 1), 1u);
  EXPECT_EQ(pages_to_drop(3, 1, 32), 1u);
  EXPECT_EQ(pages_to_drop(3, 1, 33), 2u);
  EXPECT_EQ(pages_to_drop(3, 1, 65), 0u) << "only two may go";
  EXPECT_EQ(pages_to_drop(127, 1, 1), 15u);
  EXPECT_EQ(pages_to_drop(127, 0, 1), 15u);
  EXPECT_EQ(pages_to_drop(127, 1, 32 * 40), 40u);
  EXPECT_EQ(pages_to_drop(1, 1, 1), 0u);
  EXPECT_EQ(pages_to_drop(0, 2, 1), 0u);
}

constexpr uint32_t kContext = 128;

class SlideTest : public LlamaTest {
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
  static ContextOptions sliding(ContextOptions options = {}) {
    options.context_tokens = kContext;
    options.slide = true;
    return options;
  }
  std::vector<int32_t> text(ContextOptions options, const GenerationParams& params, uint32_t prompt = 40) {
    const auto in = context(*loaded_, sliding(options));
    return in ? generate(*in, *open(*in), random_tokens(spec_, prompt, 11), params) : std::vector<int32_t>();
  }

  struct Difference {
    double last = 0;             // of the log-probabilities after the last token
    uint32_t other_choices = 0;  // of greedy tokens, beyond a tie
    uint32_t slides = 0;
  };
  // Generates `steps` tokens on the device and follows them with the reference. `turn`: as in DecoderReference::drop().
  Difference follow(ContextOptions options, uint32_t steps, double tie, bool turn = true) {
    const auto in = context(*loaded_, sliding(options));
    Sequence* sequence = open(*in);
    std::vector<int32_t> ids = random_tokens(spec_, 40, 11);
    const size_t prompt = ids.size();
    const std::vector<int32_t> generated = generate(*in, *sequence, ids, greedy_params(steps));
    EXPECT_EQ(generated.size(), steps);
    ids.insert(ids.end(), generated.begin(), generated.end());

    auto model = reference::DecoderReference::from_gguf(*loaded_->file);
    EXPECT_TRUE(model.ok());
    Difference difference;
    std::vector<float> logits;
    const uint32_t sinks = divide_up(options.sink_tokens, kPageTokens);
    for (size_t i = 0; i < ids.size(); ++i) {
      if (i >= prompt) {
        const float best = *std::max_element(logits.begin(), logits.end());
        if (static_cast<double>(best - logits[static_cast<size_t>(ids[i])]) > tie) ++difference.other_choices;
      }
      if (model->length() == kContext - 1) {
        const uint32_t pages = pages_to_drop((kContext - 1) / kPageTokens, sinks, 1);
        model->drop(size_t{sinks} * kPageTokens, size_t{pages} * kPageTokens, turn);
        ++difference.slides;
      }
      logits = model->forward(static_cast<uint32_t>(ids[i]), static_cast<uint32_t>(model->length()));
    }
    EXPECT_EQ(sequence->tokens.size(), model->length());
    EXPECT_EQ(sequence->dropped + sequence->tokens.size(), ids.size());
    EXPECT_LE(in->pool().used(), kContext / kPageTokens);
    const int32_t last = sequence->tokens.back();
    EXPECT_TRUE(in->truncate(*sequence, static_cast<uint32_t>(sequence->tokens.size()) - 1).ok());
    difference.last = log_difference(evaluate(*in, *sequence, {&last, 1}), logits);
    return difference;
  }

  SyntheticModel spec_{.layers = 2, .separate_output = true, .seed = 42};
  std::unique_ptr<LoadedModel> loaded_;
};

TEST_F(SlideTest, GoesOnAsTheReferenceDoes) {
  for (const uint32_t sinks : {0u, 1u, 32u, 33u}) {
    const Difference difference = follow({.kv_type = KvType::kF32, .sink_tokens = sinks}, 3 * kContext, kLogTolerance);
    std::printf("  F32 keys, %u sinks, %u slides: %.1e\n", sinks, difference.slides, difference.last);
    EXPECT_GE(difference.slides, 9u);
    EXPECT_LE(difference.last, kLogTolerance);
    EXPECT_EQ(difference.other_choices, 0u);
  }
  const Difference wrong = follow({.kv_type = KvType::kF32}, 3 * kContext, kLogTolerance, false);
  EXPECT_GT(wrong.last, 10 * kLogTolerance) << "keys that are not turned would do as well";
}

TEST_F(SlideTest, KeysOfF16AgreeWithinTheirRounding) {
  for (const std::optional<KvType> values : {std::optional<KvType>(), std::optional(KvType::kF32)}) {
    const Difference difference = follow({.kv_type_v = values}, 3 * kContext, kLogToleranceF16);
    std::printf("  F16 keys, %u slides: %.1e\n", difference.slides, difference.last);
    EXPECT_LE(difference.last, kLogToleranceF16);
    EXPECT_EQ(difference.other_choices, 0u);
  }
}

TEST_F(SlideTest, MaskedDevicesGoOnAsTheReferenceDoes) {
  for (const Mask mask : {Mask::kDiscrete, Mask::kShared}) {
    use(mask);
    reload();
    const Difference difference = follow({.kv_type = KvType::kF32}, 2 * kContext, kLogTolerance);
    EXPECT_LE(difference.last, kLogTolerance) << mask_name(mask);
  }
}

TEST_F(SlideTest, HowItIsComputedDoesNotChangeTheText) {
  PUMICE_SLICE(0);
  for (const GenerationParams& params : {greedy_params(200), sampled_params(200, 5)}) {
    const std::vector<int32_t> expected = text({}, params);
    ASSERT_EQ(expected.size(), 200u);
    EXPECT_EQ(text({.record_each_step = true}, params), expected);
    for (const uint32_t steps : {1u, 2u, 8u}) EXPECT_EQ(text({.steps_ahead = steps}, params), expected) << steps;
    EXPECT_EQ(text({.profile = true}, params), expected);
  }
  EXPECT_NE(text({}, greedy_params(200)), text({.sink_tokens = 64}, greedy_params(200)));
}

// A draw depends on the seed and the position alone.
TEST_F(SlideTest, DrawsDoNotRepeatWithThePositions) {
  const auto in = context(*loaded_, sliding());
  Sequence* sequence = open(*in);
  const GenerationParams params = sampled_params(400, 5);
  (void)generate(*in, *sequence, random_tokens(spec_, 40, 11), params);
  EXPECT_EQ(in->recorder().sampler(sequence->slot).seed_high,
            params.sampler.seed_high + sequence->dropped / kPageTokens);
}

TEST_F(SlideTest, StopsWithoutIt) {
  const auto in = context(*loaded_, {.context_tokens = kContext});
  RequestStatus status{};
  const auto ids = generate(*in, *open(*in), random_tokens(spec_, 40, 11), greedy_params(400), &status);
  EXPECT_EQ(status, RequestStatus::kFinishedContext);
  EXPECT_EQ(ids.size(), kContext - 40);
  const auto longer = text({}, greedy_params(400));
  EXPECT_EQ(longer.size(), 400u);
  EXPECT_TRUE(std::equal(ids.begin(), ids.end(), longer.begin()));
}

TEST_F(SlideTest, NeighboursDoNotChangeTheText) {
  const std::vector<int32_t> expected = text({}, greedy_params(200));
  ContextOptions options = sliding({.max_sequences = 2});
  options.context_tokens = kContext;
  options.cache_tokens = kContext;
  const auto in = context(*loaded_, options);
  const auto first = submit(*in, *open(*in), random_tokens(spec_, 40, 11), greedy_params(200));
  const auto second = submit(*in, *open(*in), random_tokens(spec_, 7, 12), sampled_params(300, 3));
  EXPECT_EQ(finish(*in, *first), expected);
  EXPECT_EQ(finish(*in, *second).size(), 300u);
  EXPECT_EQ(second->status, RequestStatus::kFinishedLength);
}

// What others find in the cache is not what was moved.
TEST_F(SlideTest, SharedPagesStayAsTheyAre) {
  const std::vector<int32_t> prompt = random_tokens(spec_, 120, 13);
  const auto fresh = context(*loaded_, {.context_tokens = kContext});
  const std::vector<float> expected = evaluate(*fresh, *open(*fresh), prompt);
  for (const bool reuse : {true, false})
    for (const uint32_t spare : {0u, 256u}) {
      SCOPED_TRACE(::testing::Message() << (reuse ? "reuse" : "no reuse") << ", spare " << spare);
      ContextOptions options = sliding({.max_sequences = 3, .cache_tokens = spare});
      options.cache.reuse = reuse;
      const auto in = context(*loaded_, options);
      Sequence* sequence = open(*in);
      const auto ids = generate(*in, *sequence, prompt, greedy_params(100));
      EXPECT_EQ(ids.size(), 100u);
      EXPECT_GT(sequence->dropped, 0u);
      EXPECT_FALSE(sequence->kv.sealing);
      in->cache().index().check_invariants();
      Sequence* copy = nullptr;
      if (spare > 0) {
        const auto forked = in->fork(*sequence, static_cast<uint32_t>(sequence->tokens.size()) - 1);
        ASSERT_TRUE(forked.ok()) << forked.error().message;
        copy = *forked;
        const int32_t last = sequence->tokens.back();
        EXPECT_TRUE(in->truncate(*sequence, static_cast<uint32_t>(sequence->tokens.size()) - 1).ok());
        EXPECT_EQ(evaluate(*in, *copy, {&last, 1}), evaluate(*in, *sequence, {&last, 1}));
        in->close_sequence(copy);
        const std::vector<float> again = evaluate(*in, *open(*in), prompt);
        EXPECT_EQ(again, expected);
      }
      in->close_sequence(sequence);
      if (spare == 0) {
        EXPECT_EQ(evaluate(*in, *open(*in), prompt), expected);
      }
    }
}

TEST_F(SlideTest, APromptThatDoesNotFitMakesRoom) {
  const auto in = context(*loaded_, sliding({.kv_type = KvType::kF32}));
  Sequence* sequence = open(*in);
  const std::vector<int32_t> first = random_tokens(spec_, 100, 14), second = random_tokens(spec_, 50, 15);
  (void)generate(*in, *sequence, first, greedy_params(1));
  const int32_t drawn = sequence->tokens.back();
  const auto generated = generate(*in, *sequence, second, greedy_params(5));
  EXPECT_EQ(sequence->dropped, kPageTokens);
  auto model = reference::DecoderReference::from_gguf(*loaded_->file);
  ASSERT_TRUE(model.ok());
  std::vector<float> logits;
  const auto read = [&](std::span<const int32_t> ids) {
    for (const int32_t id : ids)
      logits = model->forward(static_cast<uint32_t>(id), static_cast<uint32_t>(model->length()));
  };
  read(first);
  model->drop(kPageTokens, kPageTokens);
  read({&drawn, 1});
  read(second);
  for (const int32_t id : generated) {
    const float best = *std::max_element(logits.begin(), logits.end());
    EXPECT_LE(static_cast<double>(best - logits[static_cast<size_t>(id)]), kLogTolerance);
    read({&id, 1});
  }
  const auto tokens = sequence->tokens;
  const auto refused = in->submit(*sequence, random_tokens(spec_, 100, 16), greedy_params(5));
  ASSERT_FALSE(refused.ok()) << "with the sinks it is larger than the context";
  EXPECT_EQ(refused.error().status, Status::kContextFull);
  EXPECT_EQ(sequence->tokens, tokens);
  EXPECT_EQ(sequence->dropped, kPageTokens);
}

// Without keys and values to move, what follows the sinks is computed again.
TEST_F(SlideTest, ARestoredTextMakesRoomHoweverLongItIs) {
  const std::vector<int32_t> second = random_tokens(spec_, 50, 15);
  for (const uint32_t length : {100u, kContext, 3 * kContext}) {
    const auto in = context(*loaded_, sliding());
    const std::vector<int32_t> first = random_tokens(spec_, length, 14);
    const auto restored = in->restore({}, {.tokens = first, .computed = 0, .dropped = 0, .next_page = nullptr});
    ASSERT_TRUE(restored.ok()) << restored.error().message;
    Sequence& sequence = **restored;
    const std::vector<int32_t> ids = generate(*in, sequence, second, greedy_params(1));
    EXPECT_EQ(ids.size(), 1u);
    EXPECT_EQ(sequence.tokens.size() + sequence.dropped, length + 51);
    EXPECT_LE(sequence.tokens.size(), kContext);
    EXPECT_TRUE(std::equal(first.begin(), first.begin() + kPageTokens, sequence.tokens.begin())) << "the sinks stay";
    // Nothing of what was dropped is in what is computed afresh.
    std::vector<int32_t> prompt(sequence.tokens.begin(), sequence.tokens.end() - 1);
    const auto fresh = context(*loaded_, {.context_tokens = kContext});
    EXPECT_EQ(generate(*fresh, *open(*fresh), prompt, greedy_params(1)), ids) << length;
  }
}

TEST_F(SlideTest, RefusesWhatCannotSlide) {
  const auto refused = [&](ContextOptions options, Status status) {
    options.slide = true;
    const auto made = Context::create(*loaded_->model, {}, options);
    ASSERT_FALSE(made.ok());
    EXPECT_EQ(made.error().status, status) << made.error().message;
  };
  refused({.context_tokens = 128, .kv_type = KvType::kQ8_0}, Status::kUnsupported);
  refused({.context_tokens = 128, .disable_kv_cache = true}, Status::kInvalidArgument);
  refused({.context_tokens = 64}, Status::kInvalidArgument);
  refused({.context_tokens = 128, .sink_tokens = 65}, Status::kInvalidArgument);
  EXPECT_TRUE(context(*loaded_, sliding({.kv_type_v = KvType::kQ8_0, .sink_tokens = 64})));
}

// Three contexts' length of a trained model's text: a fresh context finds it about as likely as any of its texts.
TEST_F(SlideTest, TheBundledModelKeepsItsSenses) {
  PUMICE_SLICE(0);
  const auto bundled = load(Gguf::open(std::string(PUMICE_MODELS_DIR) + "/storyteller-5m-Q4_K_M.gguf"));
  ASSERT_TRUE(bundled);
  const std::vector<int32_t> prompt = {4095, 1840, 701, 258, 502};
  const auto in = context(*bundled, sliding());
  GenerationParams params = sampled_params(3 * kContext, 2);
  params.ignore_eos = true;
  std::vector<int32_t> ids = generate(*in, *open(*in), prompt, params);
  ASSERT_EQ(ids.size(), 3 * kContext);
  const auto fresh = context(*bundled, {.context_tokens = 512});
  std::vector<int32_t> targets(ids.begin() + 1, ids.end());
  targets.push_back(-1);
  std::vector<float> scores(ids.size());
  const Result<void> scored =
      fresh->score(*open(*fresh), {.ids = ids, .targets = targets, .log_probabilities = scores, .on_rows = {}});
  ASSERT_TRUE(scored.ok());
  const auto mean = [&](size_t from, size_t to) {
    double sum = 0;
    for (size_t i = from; i < to; ++i) sum -= static_cast<double>(scores[i]);
    return sum / static_cast<double>(to - from);
  };
  const double before = mean(16, kContext - 6), after = mean(kContext, ids.size() - 1);
  std::printf("  nats a token: %.2f before the context was full, %.2f after\n", before, after);
  EXPECT_LT(after, before + 1);
}

}  // namespace pumice::test::slide_test
