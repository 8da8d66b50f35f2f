// Prefix reuse: what is found in the cache changes nothing but time, and nobody finds what is not theirs.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <random>
#include <tuple>

#include "support/engine_fixture.h"

namespace pumice::test::reuse_test {

class ReuseTest : public EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    if (IsSkipped()) return;
    loaded_ = load(make_synthetic_model(spec_));
    ASSERT_TRUE(loaded_);
    vocabulary_ = spec_.vocabulary;
  }
  static ContextOptions reusing(uint32_t context_tokens = 512) {
    return {.context_tokens = context_tokens, .max_sequences = 4, .cache = {.reuse = true}};
  }
  std::vector<int32_t> tokens(uint32_t count, uint64_t seed) { return random_tokens(spec_, count, seed); }
  static uint64_t device_hits(const Context& in) { return in.cache().stats().hit_pages[0]; }

  SyntheticModel spec_{.layers = 2, .separate_output = true, .seed = 42};
  std::unique_ptr<LoadedModel> loaded_;
};

TEST_F(ReuseTest, LogitsAfterAHitAreTheSameBits) {
  std::mt19937 random(7);
  for (const Mask mask : {Mask::kNone, Mask::kDiscrete}) {
    use(mask);
    loaded_ = load(make_synthetic_model(spec_));
    ContextOptions exact = reusing();
    exact.exact = true;
    const auto in = context(*loaded_, exact);
    exact.cache.reuse = false;
    const auto fresh = context(*loaded_, exact);
    Sequence* const other = open(*fresh);
    for (int i = 0; i < 30; ++i) {
      const auto prompt = branching_prompt(random, spec_.vocabulary, i);
      ASSERT_TRUE(fresh->truncate(*other, 0).ok());
      EXPECT_EQ(logits_of(*in, prompt), evaluate(*fresh, *other, prompt)) << mask_name(mask) << " " << i;
    }
    EXPECT_GT(device_hits(*in), 30u);
    EXPECT_EQ(device_hits(*fresh), 0u);
  }
}

TEST_F(ReuseTest, TheLastTokenIsAlwaysComputed) {
  const auto in = context(*loaded_, reusing());
  const std::vector<int32_t> prompt = tokens(64, 1);
  const std::vector<float> first = logits_of(*in, prompt);
  const uint64_t before = in->stats().prefill_tokens;
  EXPECT_EQ(logits_of(*in, prompt), first);
  EXPECT_EQ(in->stats().prefill_tokens - before, 32u) << "the second page has the last token";
}

TEST_F(ReuseTest, RequestsShareWhatOthersHaveComputed) {
  const auto fresh = context(*loaded_, {.context_tokens = 512});
  const auto in = context(*loaded_, reusing(1024));
  const std::vector<int32_t> shared = tokens(130, 1);
  std::vector<std::shared_ptr<Request>> requests;
  std::vector<std::vector<int32_t>> prompts;
  for (uint64_t i = 0; i < 4; ++i) {
    prompts.push_back(joined(shared, tokens(10, 20 + i)));
    requests.push_back(submit(*in, *open(*in), prompts.back(), greedy_params(20)));
  }
  for (size_t i = 0; i < 4; ++i) {
    Sequence* const alone = open(*fresh);
    EXPECT_EQ(finish(*in, *requests[i]), generate(*fresh, *alone, prompts[i], greedy_params(20))) << i;
    fresh->close_sequence(alone);
    EXPECT_EQ(requests[i]->cached_tokens, i == 0 ? 0u : 128u) << i;
  }
  EXPECT_EQ(in->stats().prefill_tokens, 140u + 3 * 12u) << "the prefix is computed once";
}

TEST_F(ReuseTest, AConversationIsFoundAgain) {
  const auto in = context(*loaded_, reusing());
  const std::vector<int32_t> prompt = tokens(50, 1);
  Sequence* first = open(*in);
  const std::vector<int32_t> answer = generate(*in, *first, prompt, greedy_params(50));
  in->close_sequence(first);
  const auto whole = joined(joined(prompt, answer), tokens(5, 9));
  const auto request = submit(*in, *open(*in), whole, greedy_params(3));
  (void)finish(*in, *request);
  EXPECT_EQ(request->cached_tokens, 96u);
}

TEST_F(ReuseTest, GeneratedPagesStayOutOnRequest) {
  ContextOptions options = reusing();
  options.exact = true;
  const auto in = context(*loaded_, options);
  const std::vector<int32_t> prompt = tokens(50, 1);
  Sequence* first = open(*in);
  const std::vector<int32_t> answer = generate(*in, *first, prompt, greedy_params(50));
  in->close_sequence(first);
  const auto request = submit(*in, *open(*in), joined(prompt, answer), greedy_params(3));
  (void)finish(*in, *request);
  EXPECT_EQ(request->cached_tokens, 32u);
}

TEST_F(ReuseTest, GroupsShareNothing) {
  const auto in = context(*loaded_, reusing());
  const std::vector<int32_t> prompt = tokens(100, 1);
  const std::vector<float> expected = logits_of(*in, prompt, "one");
  EXPECT_EQ(logits_of(*in, prompt, "two"), expected);
  EXPECT_EQ(device_hits(*in), 0u);
  EXPECT_EQ(logits_of(*in, prompt, "one"), expected);
  EXPECT_EQ(device_hits(*in), 3u);
}

TEST_F(ReuseTest, WithoutReuseNothingIsFound) {
  const auto in = context(*loaded_, {.context_tokens = 512});
  const std::vector<int32_t> prompt = tokens(100, 1);
  const std::vector<float> expected = logits_of(*in, prompt);
  EXPECT_EQ(logits_of(*in, prompt), expected);
  EXPECT_EQ(device_hits(*in), 0u);
  EXPECT_EQ(in->stats().prefill_tokens, 200u);
}

// What a curious tenant can learn of a text that another one has: nothing by counts, nothing by time.
TEST_F(ReuseTest, ATenantCannotTellWhatOthersHave) {
  const auto in = context(*loaded_, reusing(2048));
  std::vector<double> guessed, wrong, own;
  const auto timed = [&](std::string_view group, const std::vector<int32_t>& ids) {
    const uint64_t before = in->stats().prefill_tokens, hits = device_hits(*in);
    const Result<Sequence*> sequence = in->open_sequence(group);
    const auto start = std::chrono::steady_clock::now();
    (void)evaluate(*in, **sequence, ids);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    in->close_sequence(*sequence);
    return std::tuple(seconds, in->stats().prefill_tokens - before, device_hits(*in) - hits);
  };
  for (uint64_t i = 0; i < 9; ++i) {
    const std::vector<int32_t> secret = tokens(300, 10 + i), other = tokens(300, 50 + i);
    (void)timed("victim", secret);
    const auto [right_seconds, right_tokens, right_hits] = timed("curious", secret);
    const auto [wrong_seconds, wrong_tokens, wrong_hits] = timed("curious", other);
    EXPECT_EQ(right_tokens, 300u);
    EXPECT_EQ(right_hits, 0u);
    EXPECT_EQ(wrong_tokens, right_tokens);
    EXPECT_EQ(wrong_hits, right_hits);
    guessed.push_back(right_seconds);
    wrong.push_back(wrong_seconds);
    own.push_back(std::get<0>(timed("victim", secret)));
  }
  const auto median = [](std::vector<double>& times) {
    std::nth_element(times.begin(), times.begin() + 4, times.end());
    return times[4];
  };
  EXPECT_GT(median(guessed), 0.6 * median(wrong));
  EXPECT_LT(median(own), 0.6 * median(wrong)) << "a hit would have been seen";
}

TEST_F(ReuseTest, PagesAreScrubbedBetweenGroups) {
  const auto in = context(*loaded_, reusing(128));
  (void)logits_of(*in, tokens(128, 1), "one");
  (void)logits_of(*in, tokens(100, 2), "two");
  EXPECT_EQ(in->cache().stats().scrubbed_pages, 4u);
  // The second text has 4 tokens in its last page; behind them, values of the first one would be found. V lies token
  // by token, so the page's last words are those of its last token.
  uint32_t whole = 0, cut = 0;
  for (PageId page = 0; page < 4; ++page) {
    const Result<std::vector<std::byte>> bytes = in->cache().read_page(page);
    ASSERT_TRUE(bytes.ok()) << bytes.error().message;
    uint32_t last;
    std::memcpy(&last, bytes->data() + bytes->size() - 4, 4);
    ++(last == 0 ? cut : whole);
  }
  EXPECT_EQ(whole, 3u);
  EXPECT_EQ(cut, 1u);
}

TEST_F(ReuseTest, AFullPoolForgetsWhatNobodyHolds) {
  const auto in = context(*loaded_, reusing(256));
  const auto fresh = context(*loaded_, {.context_tokens = 256});
  Sequence* const other = open(*fresh);
  for (uint64_t i = 0; i < 12; ++i) {
    const std::vector<int32_t> prompt = tokens(100, i % 5);
    ASSERT_TRUE(fresh->truncate(*other, 0).ok());
    EXPECT_EQ(logits_of(*in, prompt), evaluate(*fresh, *other, prompt)) << i;
    EXPECT_LE(in->pool().used(), in->pool().pages());
  }
  EXPECT_GT(in->cache().index().evictions()[0], 0u);
}

TEST_F(ReuseTest, ACutInTheMiddleOfASharedPageIsCopied) {
  const auto in = context(*loaded_, reusing());
  const auto fresh = context(*loaded_, {.context_tokens = 512});
  const std::vector<int32_t> prompt = tokens(96, 1);
  Sequence* const sequence = open(*in);
  for (const uint32_t keep : {40u, 64u, 65u, 95u, 33u}) {
    ASSERT_TRUE(in->truncate(*sequence, 0).ok());
    (void)evaluate(*in, *sequence, prompt);
    ASSERT_TRUE(in->truncate(*sequence, keep).ok());
    const std::vector<int32_t> other = tokens(30, 50 + keep);
    const auto whole = joined({prompt.begin(), prompt.begin() + keep}, other);
    Sequence* const alone = open(*fresh);
    const std::vector<float> expected = evaluate(*fresh, *alone, whole), found = evaluate(*in, *sequence, other);
    for (size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], expected[i], 1e-3) << keep;
    fresh->close_sequence(alone);
    // The page that was cut is still whole for others.
    EXPECT_EQ(logits_of(*in, prompt), logits_of(*fresh, prompt)) << keep;
  }
  EXPECT_GT(in->cache().stats().copied_pages, 0u);
}

TEST_F(ReuseTest, ForksShareFullPagesAndPartAfterThem) {
  for (const bool reuse : {true, false}) {
    ContextOptions options = reusing();
    options.cache.reuse = reuse;
    const auto in = context(*loaded_, options);
    const auto fresh = context(*loaded_, {.context_tokens = 512});
    Sequence* const trunk = open(*in);
    const std::vector<int32_t> prompt = tokens(75, 1);
    (void)generate(*in, *trunk, prompt, greedy_params(10));
    const uint32_t before = in->pool().used();
    const Result<Sequence*> fork = in->fork(*trunk, 75);
    ASSERT_TRUE(fork.ok()) << fork.error().message;
    EXPECT_EQ(in->pool().used(), before + 1) << "the partial page alone is copied";
    for (Sequence* const each : {*fork, trunk}) {
      const std::vector<int32_t> next = tokens(9, each == trunk ? 7 : 8);
      std::vector<int32_t> whole = each->tokens;
      whole.insert(whole.end(), next.begin(), next.end());
      Sequence* const alone = open(*fresh);
      EXPECT_EQ(generate(*in, *each, next, greedy_params(20)), generate(*fresh, *alone, whole, greedy_params(20)));
      fresh->close_sequence(alone);
    }
    in->close_sequence(trunk);
    in->close_sequence(*fork);
    EXPECT_EQ(in->cache().held(), 0u);
  }
}

TEST_F(ReuseTest, ALimitIsKeptAndRaised) {
  const auto in = context(*loaded_, reusing(512));
  for (uint64_t i = 0; i < 4; ++i) (void)logits_of(*in, tokens(120, i));
  EXPECT_GT(in->pool().used(), 8u);
  in->cache().set_limit(5);
  EXPECT_LE(in->pool().used(), 5u);
  (void)logits_of(*in, tokens(120, 1));
  EXPECT_LE(in->pool().used(), 5u);
  in->cache().set_limit(16);
  for (uint64_t i = 0; i < 4; ++i) (void)logits_of(*in, tokens(120, i));
  EXPECT_GT(in->pool().used(), 8u);
}

TEST_F(ReuseTest, ManySessionsOfOnePromptTakeItsPagesOnce) {
  ContextOptions options = reusing(4096);
  options.max_sequences = 64;
  const auto in = context(*loaded_, options);
  const std::vector<int32_t> system = tokens(512, 1);
  std::vector<std::shared_ptr<Request>> requests;
  for (uint64_t i = 0; i < 64; ++i)
    requests.push_back(submit(*in, *open(*in), joined(system, tokens(8, 100 + i)), greedy_params(4)));
  for (const auto& request : requests) EXPECT_EQ(finish(*in, *request).size(), 4u);
  const uint32_t own = 64;  // a page each for what follows the system prompt
  EXPECT_LT(in->pool().used(), 1.2 * 16 + own);
  EXPECT_EQ(in->stats().prefill_tokens, 512u + 64 * 8u);
}

}  // namespace pumice::test::reuse_test
