// Transcriber: tokens of a window by the reference and rules written down anew; however many sounds are under way, and
// sounds that are found again.
#include "engine/transcriber.h"

#include <gtest/gtest.h>

#include <cmath>

#include "reference/whisper.h"
#include "support/busy_device.h"
#include "support/engine_fixture.h"
#include "support/slice.h"
#include "support/temporary_folder.h"
#include "support/whisper_model.h"

namespace pumice::test::transcriber_test {

struct Said {
  std::vector<std::vector<SpeechSegment>> segments;
  std::vector<uint32_t> languages;
};

bool same(const SpeechSegment& one, const SpeechSegment& other) {
  return one.from_ms == other.from_ms && one.to_ms == other.to_ms && one.ids == other.ids;
}

class TranscriberTest : public EngineTest {
 protected:
  bool make(const WhisperModel& model, const TranscriberOptions& options = {}) {
    loaded_ = load(make_whisper_model(model));
    if (!loaded_) return false;
    transcriber_ = create(options);
    return transcriber_ != nullptr;
  }
  std::unique_ptr<Transcriber> create(const TranscriberOptions& options) {
    auto made = Transcriber::create(*loaded_->model, slaney_filters(80), 220, options);
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message);
    return made ? std::move(made).value() : nullptr;
  }
  static SpeechRequest request(std::vector<float> sound, SpeechRequest like = {}) {
    like.read = [sound = std::move(sound), at = size_t{0}](std::span<float> to) mutable -> Result<size_t> {
      const size_t count = std::min(to.size(), sound.size() - at);
      std::copy_n(sound.begin() + static_cast<std::ptrdiff_t>(at), count, to.begin());
      at += count;
      return count;
    };
    return like;
  }
  static Said transcribe(Transcriber& by, std::vector<SpeechRequest> requests) {
    Said said;
    said.segments.resize(requests.size());
    said.languages.resize(requests.size());
    const Result<void> done =
        by.transcribe(std::move(requests), {.segment =
                                                [&](const SpeechTrack& track, const SpeechSegment& segment) {
                                                  said.segments[track.index()].push_back(segment);
                                                  return true;
                                                },
                                            .progress = {},
                                            .end =
                                                [&](const SpeechTrack& track) {
                                                  said.languages[track.index()] = track.language();
                                                  return true;
                                                }});
    EXPECT_TRUE(done.ok()) << (done.ok() ? "" : done.error().message);
    return said;
  }

  std::unique_ptr<LoadedModel> loaded_;
  std::unique_ptr<Transcriber> transcriber_;
};

// The likeliest tokens without timestamps, which leaves few rules; of a model that hears eight seconds at a time.
TEST_F(TranscriberTest, SaysWhatTheReferenceSays) {
  if (!make({.multilingual = true, .text_context = 32, .audio_context = 400})) return;
  const auto reference = reference::WhisperReference::from_file(loaded_->bytes);
  ASSERT_TRUE(reference.ok());
  const std::vector<float> sound = made_up_sound(4, 5);
  const Said said =
      transcribe(*transcriber_, {request(sound, {.language = 3, .timestamps = false, .fallback = false})});
  MelStream mel(slaney_filters(80));
  mel.append(sound);
  mel.end();
  const reference::Rows encoded = reference->encode(mel.window(0, 800));
  std::vector<int32_t> tokens = {50258, 50262, 50359, 50363}, expected;
  while (expected.size() < 12) {
    std::vector<float> logits = reference->decode(encoded, tokens).back();
    if (expected.empty()) logits[50257] = logits[220] = -INFINITY;
    for (size_t id = 50258; id < logits.size(); ++id) logits[id] = -INFINITY;
    const auto best = static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
    if (best == 50257) break;
    tokens.push_back(best);
    expected.push_back(best);
  }
  ASSERT_EQ(said.segments[0].size(), 1u);
  EXPECT_EQ(said.segments[0][0].ids, expected);
  EXPECT_EQ(transcriber_->stats().prompt_tokens, 4u);
}

TEST_F(TranscriberTest, ManyTogetherSayWhatEachSaysAlone) {
  PUMICE_SLICE(0);
  if (!make({.multilingual = true}, {.sounds = 3})) return;
  std::vector<std::vector<float>> sounds;
  for (const double seconds : {2.0, 33.0, 5.0, 0.05}) sounds.push_back(made_up_sound(seconds, sounds.size()));
  std::vector<SpeechRequest> all;
  for (const auto& sound : sounds) all.push_back(request(sound, {.fallback = false}));
  const Said together = transcribe(*transcriber_, std::move(all));
  const auto alone = create({.sounds = 1});
  ASSERT_TRUE(alone);
  for (size_t i = 0; i < sounds.size(); ++i) {
    const Said one = transcribe(*alone, {request(sounds[i], {.fallback = false})});
    EXPECT_TRUE(std::ranges::equal(one.segments[0], together.segments[i], same)) << i;
    EXPECT_EQ(one.languages[0], together.languages[i]);
  }
  EXPECT_TRUE(together.segments[3].empty()) << "too short";
  EXPECT_EQ(transcriber_->stats().windows, alone->stats().windows);
  EXPECT_EQ(transcriber_->stats().encoded_windows, alone->stats().encoded_windows);
}

TEST_F(TranscriberTest, AWindowIsEncodedOnce) {
  if (!make({.multilingual = true})) return;
  const std::vector<float> sound = made_up_sound(8, 9);
  const Said detected = transcribe(*transcriber_, {request(sound, {.fallback = false})});
  const TranscriberStats once = transcriber_->stats();
  EXPECT_EQ(once.encoded_windows, once.windows) << "its language needs no other";
  const Said again = transcribe(*transcriber_, {request(sound, {.fallback = false})});
  EXPECT_TRUE(std::ranges::equal(detected.segments[0], again.segments[0], same));
  transcribe(*transcriber_,
             {request(sound, {.language = 1, .translate = true, .timestamps = false, .fallback = false})});
  EXPECT_EQ(transcriber_->stats().encoded_windows, once.encoded_windows);
  EXPECT_GT(transcriber_->stats().windows, once.windows);
  std::vector<float> other = sound;
  other[5000] += 0.25f;
  transcribe(*transcriber_, {request(other, {.timestamps = false, .fallback = false})});
  EXPECT_EQ(transcriber_->stats().encoded_windows, once.encoded_windows + 1);
}

TEST_F(TranscriberTest, AfterARestartAWindowComesFromTheFolder) {
  const TemporaryFolder folder;
  TranscriberOptions options;
  options.cache.identity = "a model";
  options.cache.secret = Secret{};
  options.cache.seconds_per_token = 1;  // loading is always worth while
  options.cache.measures = false;
  options.cache.store.disk_folder = folder.file("windows");
  options.cache.store.disk_bytes = 1 << 28;
  options.cache.store.admit_at_use = 1;
  if (!make({}, options)) return;
  const std::vector<float> sound = made_up_sound(8, 9);
  const Said first = transcribe(*transcriber_, {request(sound, {.fallback = false})});
  const uint64_t windows = transcriber_->stats().encoded_windows;
  const Result<bool> flushed = transcriber_->cache().flush(20);
  ASSERT_TRUE(flushed.ok() && *flushed);
  transcriber_.reset();  // the folder belongs to one at a time
  transcriber_ = create(options);
  ASSERT_TRUE(transcriber_);
  const Said again = transcribe(*transcriber_, {request(sound, {.fallback = false})});
  EXPECT_TRUE(std::ranges::equal(first.segments[0], again.segments[0], same));
  EXPECT_EQ(transcriber_->stats().encoded_windows, 0u);
  EXPECT_GE(transcriber_->cache().stats().hit_pages[static_cast<size_t>(KvSource::kDisk)], pages_for(1500));
  transcribe(*transcriber_, {request(sound, {.fallback = false, .group = "others"})});
  EXPECT_EQ(transcriber_->stats().encoded_windows, windows) << "groups share nothing";
}

// Random logits fail often: what is drawn is the same for a seed, and attempts share the window.
TEST_F(TranscriberTest, AttemptsDrawAndEnd) {
  if (!make({}, {.seed = 7})) return;
  const std::vector<float> sound = made_up_sound(3, 2);
  const Said first = transcribe(*transcriber_, {request(sound)});
  const TranscriberStats stats = transcriber_->stats();
  EXPECT_GT(stats.attempts, stats.windows);
  EXPECT_EQ(stats.encoded_windows, stats.windows);
  const auto twin = create({.seed = 7});
  EXPECT_TRUE(std::ranges::equal(first.segments[0], transcribe(*twin, {request(sound)}).segments[0], same));
}

TEST_F(TranscriberTest, StopsAndGoesOn) {
  if (!make({})) return;
  const std::vector<float> sound = made_up_sound(3, 2);
  int calls = 0;
  const auto stop = [&](const SpeechTrack&) { return ++calls < 3; };
  std::vector<SpeechRequest> one;
  one.push_back(request(sound, {.fallback = false}));
  const Result<void> stopped = transcriber_->transcribe(std::move(one), {.segment = {}, .progress = stop, .end = {}});
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().status, Status::kCancelled);
  SpeechRequest broken;
  broken.read = [](std::span<float>) -> Result<size_t> { return error(Status::kIo, "torn"); };
  std::vector<SpeechRequest> two;
  two.push_back(request(sound, {.fallback = false}));
  two.push_back(broken);
  EXPECT_EQ(transcriber_->transcribe(std::move(two), {}).error().status, Status::kIo);
  // No page has been lost: as many sounds as there may be, several times over.
  const SpeechRequest plain{.fallback = false};
  for (int i = 0; i < 3; ++i)
    transcribe(*transcriber_,
               {request(sound, plain), request(sound, plain), request(sound, plain), request(sound, plain)});
}

// Also while the device encodes; what it does then disturbs nothing that comes later.
TEST_F(TranscriberTest, StopsWithinAWindow) {
  if (!make({})) return;
  const std::vector<float> sound = made_up_sound(3, 2);
  const SpeechRequest plain{.fallback = false};
  const Said expected = transcribe(*create({}), {request(sound, plain)});
  BusyDevice busy(loaded_->model->kernels().device());
  for (int i = 0; i < 10; ++i) busy.start();
  std::vector<SpeechRequest> one;
  one.push_back(request(sound, plain));
  const auto stop = [](const SpeechTrack&) { return false; };
  const Result<void> stopped = transcriber_->transcribe(std::move(one), {.segment = {}, .progress = stop, .end = {}});
  EXPECT_EQ(stopped.error().status, Status::kCancelled);
  EXPECT_EQ(transcriber_->cache().held(), 0u);
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(
        std::ranges::equal(transcribe(*transcriber_, {request(sound, plain)}).segments[0], expected.segments[0], same));
}

TEST_F(TranscriberTest, OtherModelsAreRefused) {
  const auto loaded = load(make_synthetic_model({}));
  if (!loaded) return;
  EXPECT_EQ(Transcriber::create(*loaded->model, slaney_filters(80), 0, {}).error().status, Status::kUnsupported);
}

}  // namespace pumice::test::transcriber_test
