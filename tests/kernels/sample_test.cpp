// sample: every parameter against the reference, on small and large vocabularies, with ties and with logits that are
// not finite; greedy; commits.
#include "kernels/sample.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "reference/numerics.h"
#include "reference/sample.h"
#include "shared/sample.h"
#include "support/device_fixture.h"
#include "support/precision.h"
#include "support/step_rows.h"

namespace pumice::test::sample_test {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInfinity = std::numeric_limits<float>::infinity();

// Everything off; greedy.
SamplerParams plain(float temperature = 0) { return {.temperature = temperature, .top_p = 1, .repeat_penalty = 1}; }

reference::SampleParams reference_of(const SamplerParams& p) {
  return {.temperature = p.temperature,
          .top_k = p.top_k,
          .top_p = p.top_p,
          .min_p = p.min_p,
          .repeat_penalty = p.repeat_penalty,
          .frequency_penalty = p.frequency_penalty,
          .presence_penalty = p.presence_penalty,
          .seed = p.seed_low | uint64_t{p.seed_high} << 32};
}

class SampleTest : public DeviceTest {
 protected:
  // The reference's draw, as the state's log, window and position tell.
  static reference::SampleResult expected(const std::vector<float>& logits, const CommitState& state) {
    const uint32_t known = state.step_rows[CommitState::kSource].position + 1;
    return reference::sample(allowed_of(logits, state), window_of(state),
                             reference_of(state.samplers[CommitState::kSlot]), known);
  }
  // The biased logits of the tokens that the slot's mask allows: those with an odd number of bits.
  static std::vector<uint32_t> mask_of(size_t vocabulary) {
    std::vector<uint32_t> mask((vocabulary + 31) / 32);
    for (size_t i = 0; i < vocabulary; ++i) mask[i / 32] |= static_cast<uint32_t>(std::popcount(i) & 1) << (i % 32);
    return mask;
  }
  static std::vector<float> allowed_of(const std::vector<float>& logits, const CommitState& state) {
    const SamplerParams& sampler = state.samplers[CommitState::kSlot];
    std::vector<std::pair<uint32_t, float>> biases;
    for (uint32_t i = 0; i < sampler.bias_count; ++i)
      biases.emplace_back(sampler.biases[i].token, sampler.biases[i].value);
    const std::vector<float> biased = reference::biased_logits(logits, biases);
    return sampler.masked == 0 ? biased : reference::masked_logits(biased, mask_of(logits.size()));
  }
  static std::vector<uint32_t> window_of(const CommitState& state) {
    const uint32_t known = state.step_rows[CommitState::kSource].position + 1;
    const uint32_t window = std::min(state.samplers[CommitState::kSlot].penalty_window, known);
    const auto end = state.token_log.begin() + CommitState::kSlot * CommitState::kLogStride + known;
    return {end - window, end};
  }
  void check_penalties(const std::vector<float>& logits, const CommitState& state, const std::vector<float>& left);
  void record_sample(const std::vector<float>& logits, const CommitState& state, const CommitState& expected);

  // Compares all buffers with those after a commit of the reference's token, where it is decided by more than rounding.
  void check(const std::vector<float>& logits, const CommitState& state) {
    const auto drawn = expected(logits, state);
    // The kernel's scores err by the log's 2^-21 over values of -log(u) from 0.01 on, and by roundings of scores up to
    // 100; thresholds by the roundings of a sum of probabilities, and of logits.
    const bool decided =
        drawn.margin > 1e-3 && drawn.top_k_margin > 1e-5 && drawn.top_p_margin > 1e-4 && drawn.min_p_margin > 1e-5;
    const bool greedy = state.samplers[CommitState::kSlot].temperature <= 0;
    ++draws_;
    if (!decided && !greedy) return;
    ++decided_;
    CommitState after = state;
    after.commit(drawn.token);
    record_sample(logits, state, after);
  }
  uint32_t draws_ = 0, decided_ = 0;
};

// The logits that the kernel left: penalised in place, up to a division and three roundings.
void SampleTest::check_penalties(const std::vector<float>& logits, const CommitState& state,
                                 const std::vector<float>& left) {
  const SamplerParams& p = state.samplers[CommitState::kSlot];
  const auto penalised = reference::penalised_logits(allowed_of(logits, state), window_of(state), reference_of(p));
  const auto allowed = [&](size_t i) {
    const double size =
        std::fabs(static_cast<double>(logits[i])) * std::max(1.0, static_cast<double>(p.repeat_penalty));
    return (kDivision + 4 * kRounding) * (size + std::fabs(static_cast<double>(penalised[i])));
  };
  const auto verdict = reference::compare_with(left, penalised, allowed);
  EXPECT_TRUE(verdict) << "penalties: " << verdict;
  if (std::memcmp(logits.data(), penalised.data(), 4 * logits.size()) != 0) {
    EXPECT_FALSE(reference::compare_with(logits, penalised, allowed)) << "no penalty goes unseen";
  }
}

void SampleTest::record_sample(const std::vector<float>& logits, const CommitState& state,
                               const CommitState& expected) {
  const CommitBuffers buffers = upload_state(state, [this](const auto& values) { return buffer(values); });
  const vk::BufferView logits_view = buffer(logits), states = words(sizeof(SampleState) / 4, 0);
  const auto cols = static_cast<uint32_t>(logits.size());
  // Other slots' masks forbid everything.
  const std::vector<uint32_t> mask = mask_of(cols);
  const auto mask_words = static_cast<uint32_t>(mask.size());
  std::vector<uint32_t> all_masks(state.samplers.size() * mask_words, 0);
  std::copy(mask.begin(), mask.end(), all_masks.begin() + CommitState::kSlot * mask_words);
  const vk::BufferView masks = buffer(all_masks);
  run([&](Recorder recorder) {
    sample(recorder, {.logits = {logits_view, cols},
                      .cols = cols,
                      .states = states,
                      .finds = words(sample_find_bytes(cols, 1) / 4),
                      .masks = masks,
                      .mask_words = mask_words,
                      .commit = buffers.args()});
  });
  const SampleState left = read<SampleState>(states)[0];
  EXPECT_EQ(left.arrivals, 0u);
  EXPECT_TRUE(std::ranges::all_of(left.bins, [](uint32_t bin) { return bin == 0; }));
  const auto actual = read<StepRow>(buffers.next_rows);
  EXPECT_TRUE(same_rows(actual, expected.next_rows))
      << "drawn " << actual[CommitState::kTarget].token << ", not " << expected.next_rows[CommitState::kTarget].token;
  EXPECT_EQ(read<uint32_t>(buffers.token_log), expected.token_log);
  EXPECT_EQ(read<uint32_t>(buffers.arguments), expected.arguments);
  check_penalties(logits, state, read<float>(logits_view));
  drop_buffers();
}

struct SampleCase {
  const char* name;
  SamplerParams params;
};

// One row for each parameter alone, and all together.
std::vector<SampleCase> cases() {
  SamplerParams all{.temperature = 0.8f,
                    .top_p = 0.95f,
                    .min_p = 0.01f,
                    .repeat_penalty = 1.2f,
                    .frequency_penalty = 0.1f,
                    .presence_penalty = 0.2f,
                    .top_k = 50,
                    .penalty_window = 64};
  std::vector<SampleCase> list = {{"greedy", plain()},
                                  {"temperature", plain(0.7f)},
                                  {"hot", plain(5)},
                                  {"nearly greedy", plain(1.5e-38f)},
                                  {"all", all}};
  const auto add = [&](const char* name, auto set) {
    SamplerParams params = plain(1);
    set(params);
    list.push_back({name, params});
  };
  add("top_k", [](SamplerParams& p) { p.top_k = 3; });
  add("top_k 1", [](SamplerParams& p) { p.top_k = 1; });
  add("top_k above the vocabulary", [](SamplerParams& p) { p.top_k = 1u << 20; });
  add("top_p", [](SamplerParams& p) { p.top_p = 0.5f; });
  add("top_p 0", [](SamplerParams& p) { p.top_p = 0; });
  add("min_p", [](SamplerParams& p) { p.min_p = 0.1f; });
  add("min_p above 1", [](SamplerParams& p) { p.min_p = 2; });
  add("top_k, top_p", [](SamplerParams& p) { p.top_k = 20, p.top_p = 0.7f; });
  add("repeat", [](SamplerParams& p) { p.repeat_penalty = 3, p.penalty_window = 40; });
  add("frequency, window beyond the history",
      [](SamplerParams& p) { p.frequency_penalty = 1, p.penalty_window = 5000; });
  add("presence, greedy", [](SamplerParams& p) { p.temperature = 0, p.presence_penalty = 2, p.penalty_window = 7; });
  add("masked", [](SamplerParams& p) { p.masked = 1; });
  add("masked, greedy", [](SamplerParams& p) { p.temperature = 0, p.masked = 1; });
  add("masked, top_k, penalties",
      [](SamplerParams& p) { p.masked = 1, p.top_k = 5, p.repeat_penalty = 2, p.penalty_window = 40; });
  add("window 0", [](SamplerParams& p) { p.repeat_penalty = 9, p.penalty_window = 0; });
  // Also of tokens outside the vocabulary, and so large that a float has no room for the sum.
  const auto bias = [](SamplerParams& p) {
    p.bias_count = kMaxBiases;
    for (uint32_t i = 0; i < kMaxBiases; ++i) p.biases[i] = {3 * i * i % 40000, i % 2 ? -3.0f : 2.5f};
    p.biases[7] = {2, -3.4e38f};
    p.biases[300] = {2, -3.4e38f};
  };
  add("biases", bias);
  add("biases, greedy", [&](SamplerParams& p) { bias(p), p.temperature = 0; });
  add("one bias, masked, penalties", [](SamplerParams& p) {
    p.bias_count = 1, p.biases[0] = {4, 30}, p.masked = 1, p.repeat_penalty = 2, p.penalty_window = 40;
  });
  return list;
}

// A history with duplicates, and with tokens outside the vocabulary.
CommitState with_history(uint32_t position, SamplerParams params, uint32_t vocabulary) {
  params.seed_low = position * 77, params.seed_high = position;
  CommitState state(position, params);
  Generator random(position);
  for (uint32_t i = 0; i <= position; ++i)
    state.token_log[CommitState::kSlot * CommitState::kLogStride + i] = random.below(std::min(vocabulary, 30u) + 3);
  return state;
}

TEST_F(SampleTest, EveryParameter) {
  for (const Mask mask : {Mask::kNone, Mask::kShared}) {
    use(mask);
    for (const SampleCase& c : cases())
      for (const uint32_t vocabulary : {5u, 4096u, 32003u})
        for (const uint32_t position : {0u, 63u, 255u, 600u}) {
          SCOPED_TRACE(::testing::Message()
                       << mask_name(mask) << ", " << c.name << ", " << vocabulary << " tokens, position " << position);
          check(Generator(vocabulary + position).normals(vocabulary, 0, 3),
                with_history(position, c.params, vocabulary));
        }
  }
  EXPECT_GT(decided_, draws_ * 9 / 10) << "of " << draws_;
}

// Many draws of one distribution: the uniforms are those of the reference, also where they are extreme.
TEST_F(SampleTest, ManyPositions) {
  const auto logits = Generator(8).normals(200, 0, 0.5);
  for (uint32_t position = 0; position < 200; ++position) check(logits, with_history(position, plain(1), 200));
  EXPECT_GT(decided_, 190u);
}

TEST_F(SampleTest, TiesAndMaskedLogits) {
  std::vector<float> logits(4777, 1.5f);
  for (const Mask mask : {Mask::kNone, Mask::kShared}) {
    use(mask);
    check(logits, with_history(3, plain(), 4777));
    check(logits, with_history(3, plain(1), 4777));
    for (size_t i = 0; i < logits.size(); i += 3) logits[i] = -kInfinity;
    logits[2500] = logits[4700] = 4;
    SamplerParams params = plain(0.5f);
    params.top_k = 2;
    for (const uint32_t position : {1u, 2u, 3u, 4u}) {
      check(logits, with_history(position, plain(), 4777));
      check(logits, with_history(position, plain(1), 4777));
      check(logits, with_history(position, params, 4777));
    }
  }
}

// One NaN or +infinity anywhere, also where a penalty falls, or no finite logit at all: the sequence ends, whatever the
// sampler. A penalty itself makes nothing infinite.
TEST_F(SampleTest, LogitsThatAreNotFinite) {
  SamplerParams all{.temperature = 0.8f, .top_p = 0.9f, .min_p = 0.01f, .repeat_penalty = 1.2f, .top_k = 50};
  all.penalty_window = 64;
  SamplerParams harsh = plain(1);
  harsh.repeat_penalty = 1e-30f, harsh.penalty_window = 64;
  for (const Mask mask : {Mask::kNone, Mask::kShared}) {
    use(mask);
    const auto finite = Generator(7).normals(4777);
    for (const SamplerParams& params : {plain(), plain(1), all}) {
      for (const float value : {kNan, -kNan, kInfinity})
        for (const size_t at : {2, 3000, 4776}) {
          auto logits = finite;
          logits[at] = value;
          ASSERT_EQ(expected(logits, with_history(70, params, 4777)).token, kTokenNotFinite);
          check(logits, with_history(70, params, 4777));
        }
      check(std::vector<float>(100, kNan), with_history(3, params, 100));
      check(std::vector<float>(100, -kInfinity), with_history(3, params, 100));
    }
    auto logits = finite;
    logits[2] = 1e30f;
    ASSERT_EQ(expected(logits, with_history(70, harsh, 4777)).token, 2u);
    check(logits, with_history(70, harsh, 4777));
  }
}

// A window of many tokens, of which some, all or none are the same, and some outside the vocabulary.
TEST_F(SampleTest, LongWindows) {
  constexpr uint32_t kVocabulary = 1000, kPosition = CommitState::kLogStride - 10;
  SamplerParams params = plain(1);
  params.repeat_penalty = 1.1f, params.frequency_penalty = 0.01f, params.presence_penalty = 0.5f;
  for (const Mask mask : {Mask::kNone, Mask::kShared}) {
    use(mask);
    for (const uint32_t window : {500u, kPosition + 1})
      for (const uint32_t distinct : {1u, 2u, 333u, 2000u}) {
        params.penalty_window = window;
        CommitState state(kPosition, params);
        for (uint32_t i = 0; i <= kPosition; ++i)
          state.token_log[CommitState::kSlot * CommitState::kLogStride + i] = 7 * i % distinct;
        check(Generator(window + distinct).normals(kVocabulary), state);
      }
  }
  EXPECT_GT(decided_, draws_ * 3 / 4) << "of " << draws_;
}

// The largest uniform, which in floats would be 1 with an infinite score, and the smallest: the draw's exponent is 17.3
// and -2.9, so that token wins or loses by its logit like any other. The seeds were searched for.
TEST_F(SampleTest, ExtremeUniforms) {
  struct Extreme {
    uint32_t seed, token;
    bool highest;
  };
  constexpr uint32_t kPosition = 10, kVocabulary = 5000;
  for (const Extreme& extreme : {Extreme{646, 1430, true}, Extreme{4043, 3911, true}, Extreme{7122, 2416, false}}) {
    const double u = reference::sample_uniform(extreme.seed, kPosition + 1, extreme.token);
    ASSERT_TRUE(extreme.highest ? u > 1 - 0x1p-24 : u < 0x1p-24);
    SamplerParams params = plain(1);
    params.seed_low = extreme.seed;
    for (const float logit : {-12.0f, -5.0f, 0.0f, 30.0f}) {
      std::vector<float> logits(kVocabulary, 0.0f);
      logits[extreme.token] = logit;
      check(logits, CommitState(kPosition, params));
    }
  }
  EXPECT_GT(decided_, 9u);
}

TEST_F(SampleTest, CommitsOnlyWhatIsAlive) {
  auto logits = Generator(1).normals(500);
  logits[321] = 9;
  SamplerParams sampler = plain();
  sampler.stop_count = 8;
  for (uint32_t i = 0; i < kMaxStopTokens; ++i) sampler.stop_tokens[i] = 314 + i;
  check(logits, CommitState(0, sampler));
  sampler.stop_count = 7;
  check(logits, CommitState(0, sampler));
  check(logits, CommitState(20, plain(), 0));
  check(logits, CommitState(CommitState::kLogStride - 1, plain()));
}

// A batch: each row has the sampler, the history and the random numbers of its own slot.
TEST_F(SampleTest, ManyRows) {
  constexpr uint32_t kRows = 4, kCols = 5003, kStride = 5024;
  for (const Mask mask : {Mask::kNone, Mask::kShared}) {
    use(mask);
    const std::vector<float> logits = Generator(5).normals(size_t{kRows} * kStride);
    std::vector<StepRow> rows, expected;
    std::vector<SamplerParams> samplers(kRows);
    std::vector<uint32_t> log(kRows * CommitState::kLogStride, 3);
    // Of one row in the middle; the others' masks would forbid everything.
    const std::vector<uint32_t> allowed = mask_of(kCols);
    const auto mask_words = static_cast<uint32_t>(allowed.size());
    std::vector<uint32_t> masks(kRows * mask_words, 0);
    for (uint32_t i = 0; i < kRows; ++i) {
      const uint32_t slot = kRows - 1 - i, position = 20 + i;
      samplers[slot] = plain(i == 2 ? 0.0f : 0.9f);
      samplers[slot].seed_low = 100 + i;
      samplers[slot].frequency_penalty = 0.25f, samplers[slot].penalty_window = 2 * i;
      rows.push_back({.token = 1, .position = position, .slot = slot, .live = 1});
      samplers[slot].masked = i == 1;
      if (i == 1) std::copy(allowed.begin(), allowed.end(), masks.begin() + slot * mask_words);
      const auto first = logits.begin() + static_cast<ptrdiff_t>(i) * kStride;
      std::vector<float> row(first, first + kCols);
      if (i == 1) row = reference::masked_logits(row, allowed);
      const auto drawn =
          reference::sample(row, std::vector<uint32_t>(2 * i, 3), reference_of(samplers[slot]), position + 1);
      ASSERT_GT(drawn.margin, 1e-3) << "another seed, please";
      expected.push_back({.token = drawn.token, .position = position + 1, .slot = slot, .live = 1});
    }
    const vk::BufferView state = buffer(rows);
    run([&](Recorder recorder) {
      sample(recorder, {.logits = {buffer(logits), kStride},
                        .cols = kCols,
                        .n = kRows,
                        .states = words(kRows * sizeof(SampleState) / 4, 0),
                        .finds = words(sample_find_bytes(kCols, kRows) / 4),
                        .masks = buffer(masks),
                        .mask_words = mask_words,
                        .commit = {.step_rows = state,
                                   .next_rows = state,
                                   .token_log = buffer(log),
                                   .attention_arguments = buffer(std::vector<uint32_t>{kRows, 1, 1}),
                                   .samplers = buffer(samplers),
                                   .log_stride = CommitState::kLogStride}});
    });
    EXPECT_TRUE(same_rows(read<StepRow>(state), expected));
    std::swap(expected[0].token, expected[1].token);
    EXPECT_FALSE(same_rows(read<StepRow>(state), expected));
    drop_buffers();
  }
}

TEST_F(SampleTest, ComparisonCanFail) {
  auto logits = Generator(1).normals(500);
  logits[321] = 9;
  const CommitState state(10, plain());
  const auto right = expected(logits, state), wrong = expected(Generator(2).normals(500), state);
  EXPECT_EQ(right.token, 321u);
  EXPECT_NE(right.token, wrong.token);
  CommitState a = state, b = state;
  a.commit(right.token), b.commit(wrong.token);
  EXPECT_FALSE(same_rows(a.next_rows, b.next_rows));
}

}  // namespace pumice::test::sample_test
