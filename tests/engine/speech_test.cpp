// What may follow in a transcript, where windows begin and what segments they give: no model, logits made by hand.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/speech_track.h"
#include "support/generator.h"
#include "support/whisper_model.h"

namespace pumice::test::speech_test {

constexpr uint32_t kAll = 51864;
constexpr int32_t kEnd = 50256, kBegin = 50363, kSpace = 220;

SpeechRules rules() { return {.tokens = *whisper_tokens(kAll), .space = kSpace}; }

// Logits that favour one token above a second one.
std::vector<float> favouring(int32_t token, int32_t second = 300) {
  std::vector<float> logits(kAll);
  logits[static_cast<size_t>(second)] = 20;
  logits[static_cast<size_t>(token)] = 30;
  return logits;
}

bool may_come(const std::vector<double>& logs, int32_t token) { return !std::isinf(logs[static_cast<size_t>(token)]); }

TEST(SpeechRules, NamesAndIdsAreThoseOfTheVocabulary) {
  const WhisperTokens english = *whisper_tokens(51864), many = *whisper_tokens(51865), third = *whisper_tokens(51866);
  EXPECT_EQ(english.name(50256), "<|endoftext|>");
  EXPECT_EQ(english.first_timestamp, kBegin);
  EXPECT_EQ(english.no_speech, 50361);
  EXPECT_EQ(many.start, 50258);
  EXPECT_EQ(many.name(many.language(2)), "<|de|>");
  EXPECT_EQ(many.translate, 50358);
  EXPECT_EQ(third.translate, 50359);
  EXPECT_EQ(third.name(third.first_timestamp + 1500), "<|30.00|>");
  EXPECT_EQ(third.first_timestamp + 1500, 51865);
  EXPECT_FALSE(whisper_tokens(51863) || whisper_tokens(51867));
}

TEST(SpeechRules, TheFirstTokenIsNeitherTheEndNorALateTimestamp) {
  const auto logs = rules().next(favouring(300), {}, {}, true, 0);
  for (const int32_t token : {kEnd, kSpace, kBegin + 51, 50257, 50361, 50362})
    EXPECT_FALSE(may_come(logs, token)) << token;
  for (const int32_t token : {300, kBegin, kBegin + 50}) EXPECT_TRUE(may_come(logs, token)) << token;
  EXPECT_FALSE(may_come(rules().next(favouring(300), {}, {}, false, 0), kBegin));
}

TEST(SpeechRules, TimestampsComeInPairsAndNeverGoBack) {
  const std::vector<int32_t> opened = {kBegin}, closed = {kBegin, 300, kBegin + 9},
                             pair = {kBegin, 300, kBegin + 9, kBegin + 9};
  EXPECT_FALSE(may_come(rules().next(favouring(300), opened, 0, true, 0), kBegin + 5));
  const auto behind = rules().next(favouring(300), closed, 9, true, 0);
  EXPECT_FALSE(may_come(behind, 300));
  EXPECT_FALSE(may_come(behind, kBegin + 8));
  EXPECT_TRUE(may_come(behind, kBegin + 9));
  const auto ended = rules().next(favouring(kEnd), closed, 9, true, 0);
  EXPECT_TRUE(may_come(ended, kEnd));
  EXPECT_FALSE(may_come(rules().next(favouring(300), pair, 9, true, 0), kBegin + 10));
}

// Fifty timestamps, each less likely than the text, are likelier together.
TEST(SpeechRules, TimestampsCountTogether) {
  std::vector<float> logits(kAll, -30);
  logits[300] = 3;
  const std::vector<int32_t> said = {kBegin, 301};
  std::fill_n(logits.begin() + kBegin, 50, 0.0f);
  EXPECT_FALSE(may_come(rules().next(logits, said, 0, true, 0), 300));
  logits[300] = 5;
  const auto logs = rules().next(logits, said, 0, true, 0);
  EXPECT_TRUE(may_come(logs, 300));
  EXPECT_NEAR(std::exp(logs[300]), std::exp(5.0) / (std::exp(5.0) + 50), 1e-6);
  EXPECT_NEAR(std::exp(rules().next(logits, said, 0, false, 0.5f)[300]), 1, 1e-6) << "of logits twice as far apart";
}

SpeechCandidate say(std::span<const int32_t> tokens, const SpeechWindow& window) {
  SpeechCandidate candidate(window);
  SplitMix random(1);
  for (const int32_t token : tokens) {
    EXPECT_FALSE(candidate.over()) << token;
    if (!candidate.over()) candidate.take(rules(), favouring(token), random);
  }
  candidate.finish(rules());
  return candidate;
}

TEST(SpeechCandidate, KeepsWhatTimestampsClose) {
  const SpeechWindow window{.seek = 1000, .end = 9000, .limit = 220};
  // "a b" [2.00] [2.00] "c" [end]
  const std::vector<int32_t> tokens = {kBegin, 400, 401, kBegin + 100, kBegin + 100, 402, kEnd};
  const SpeechCandidate said = say(tokens, window);
  EXPECT_TRUE(said.over());
  EXPECT_FALSE(said.failed());
  EXPECT_EQ(said.kept(), 5u);
  EXPECT_EQ(said.advance(), 200u);
  // A single timestamp at the end: all of the window is done.
  const SpeechCandidate alone = say(std::vector<int32_t>{kBegin, 400, kBegin + 100, kEnd}, window);
  EXPECT_EQ(alone.kept(), 3u);
  EXPECT_EQ(alone.advance(), 3000u);
  // Without any it fails, unless the window reaches the end of the sound.
  EXPECT_TRUE(say(std::vector<int32_t>{kBegin, 400, kEnd}, window).failed());
  const SpeechCandidate last = say(std::vector<int32_t>{kBegin, 400, kEnd}, {.seek = 7000, .end = 9000, .limit = 220});
  EXPECT_FALSE(last.failed());
  EXPECT_EQ(last.kept(), 3u);
}

TEST(SpeechCandidate, EndsAtTheSoundsEndAndAtTheLimit) {
  const SpeechCandidate ended =
      say(std::vector<int32_t>{kBegin, 400, kBegin + 995}, {.seek = 0, .end = 2000, .limit = 220});
  EXPECT_TRUE(ended.over());
  EXPECT_EQ(ended.advance(), 2000u);
  const SpeechCandidate cut = say(std::vector<int32_t>{kBegin, 400, 401, 402}, {.seek = 0, .end = 9000, .limit = 4});
  EXPECT_TRUE(cut.over() && cut.failed());
  const SpeechCandidate untimed =
      say(std::vector<int32_t>{400, 401, kEnd}, {.seek = 0, .end = 9000, .limit = 9, .timestamps = false});
  EXPECT_EQ(untimed.kept(), 3u);
  EXPECT_EQ(untimed.advance(), 3000u);
  EXPECT_FALSE(untimed.failed());
}

TEST(SpeechCandidate, RepetitionHasLittleEntropy) {
  std::vector<int32_t> same = {kBegin}, many = {kBegin};
  for (int32_t i = 0; i < 40; ++i) same.push_back(400 + i % 3), many.push_back(400 + i);
  for (auto* tokens : {&same, &many}) tokens->push_back(kBegin + 1400);
  const SpeechWindow window{.seek = 0, .end = 2805, .limit = 220};
  EXPECT_LT(say(same, window).entropy(), 1.3);
  EXPECT_NEAR(say(many, window).entropy(), std::log(32.0), 1e-9);
  EXPECT_TRUE(std::isinf(say(std::vector<int32_t>{kBegin, 400, kBegin + 1400}, window).entropy())) << "too few";
}

// A sound that comes as it is asked for.
struct Tape {
  std::vector<float> sound;
  size_t at = 0;
  Result<size_t> operator()(std::span<float> to) {
    const size_t count = std::min(to.size(), sound.size() - at);
    std::copy_n(sound.begin() + static_cast<std::ptrdiff_t>(at), count, to.begin());
    at += count;
    return count;
  }
};

SpeechTrack track_of(const SpeechRules& by, std::shared_ptr<Tape> tape, SpeechRequest request) {
  request.read = [tape](std::span<float> to) { return (*tape)(to); };
  return SpeechTrack(0, std::move(request), slaney_filters(80), by, 448);
}

TEST(SpeechTrack, SegmentsLieBetweenTimestampsAndContextGrows) {
  const SpeechRules by = rules();
  auto tape = std::make_shared<Tape>(Tape{made_up_sound(40, 1)});
  SpeechTrack track = track_of(by, tape, {.prompt = {500, 501}});
  ASSERT_TRUE(*track.next_window());
  EXPECT_EQ(track.begin_attempt(0), (std::vector<int32_t>{50360, 500, 501, 50257}));
  EXPECT_EQ(track.begin_attempt(0.6f), (std::vector<int32_t>{50257})) << "without context";
  track.begin_attempt(0);
  SpeechCandidate said = say(
      std::vector<int32_t>{kBegin, 400, 401, kBegin + 100, kBegin + 150, 402, kBegin + 1000, kBegin + 1000, 403, kEnd},
      track.window());
  const auto segments = track.conclude(said, 0.1, 1);
  ASSERT_EQ(segments.size(), 2u);
  EXPECT_EQ(segments[0].to_ms, 2000u);
  EXPECT_EQ(segments[1].from_ms, 3000u);
  EXPECT_EQ(segments[1].to_ms, 20000u);
  EXPECT_EQ(segments[0].ids, (std::vector<int32_t>{400, 401}));
  ASSERT_TRUE(*track.next_window());
  const std::vector<int32_t> prompt = track.begin_attempt(0);
  EXPECT_EQ(prompt.size(), 2u + 2 + 8);
  EXPECT_EQ(prompt[3], kBegin);
  SpeechCandidate rest = say(std::vector<int32_t>{kBegin, 404, kBegin + 1000}, track.window());
  EXPECT_EQ(track.conclude(rest, 0.1, 1).back().from_ms, 20000u);
  EXPECT_FALSE(*track.next_window());
}

TEST(SpeechTrack, SilenceIsDroppedAndDoubtTriesAgain) {
  const SpeechRules by = rules();
  SpeechTrack track = track_of(by, std::make_shared<Tape>(Tape{made_up_sound(20, 1)}), {});
  ASSERT_TRUE(*track.next_window());
  track.begin_attempt(0);
  SpeechCandidate unlikely(track.window());
  SplitMix random(1);
  std::vector<float> flat = favouring(400);
  for (size_t i = 1000; i < 40000; ++i) flat[i] = 25;  // much else is likely, too
  unlikely.take(by, favouring(kBegin), random);
  for (int i = 0; i < 5; ++i) unlikely.take(by, flat, random);
  unlikely.take(by, favouring(kEnd), random);
  unlikely.finish(by);
  ASSERT_LT(unlikely.mean(), -1);
  EXPECT_FALSE(track.accepts(unlikely, 0.1));
  EXPECT_TRUE(track.accepts(unlikely, 0.9));
  EXPECT_FLOAT_EQ(*track.next_temperature(), 0.2f);
  track.begin_attempt(1);
  EXPECT_FALSE(track.next_temperature());
  EXPECT_TRUE(track.accepts(unlikely, 0.1)) << "the last attempt";
  EXPECT_TRUE(track.conclude(unlikely, 0.9, 1).empty()) << "silence";
}

TEST(SpeechTrack, LiveKeepsWhatEndsWellBeforeTheSound) {
  const SpeechRules by = rules();
  auto tape = std::make_shared<Tape>(Tape{made_up_sound(60, 1)});
  SpeechTrack track = track_of(by, tape, {.live = true});
  ASSERT_TRUE(*track.next_window());
  EXPECT_LT(tape->at, size_t{6} * kMelRate) << "it does not wait for more";
  track.begin_attempt(0);
  const std::vector<int32_t> open = {kBegin, 400, kBegin + 230};
  SpeechCandidate nothing = say(open, track.window());
  EXPECT_TRUE(track.conclude(nothing, 0.1, 1).empty()) << "it ends where what has come does";
  ASSERT_TRUE(*track.next_window());
  EXPECT_GT(tape->at, size_t{9} * kMelRate);
  track.begin_attempt(0);
  SpeechCandidate said =
      say(std::vector<int32_t>{kBegin, 400, kBegin + 150, kBegin + 150, 401, kBegin + 480}, track.window());
  const auto segments = track.conclude(said, 0.1, 1);
  ASSERT_EQ(segments.size(), 1u);
  EXPECT_EQ(segments[0].to_ms, 3000u);
  EXPECT_EQ(track.seconds_done(), 3);
  ASSERT_TRUE(*track.next_window());
  EXPECT_EQ(track.begin_attempt(0).size(), 5u) << "context is what was kept";
}

}  // namespace pumice::test::speech_test
