#include "engine/transcriber.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "base/clock.h"
#include "base/or_undo.h"
#include "engine/finite.h"

namespace pumice {
namespace {

constexpr uint32_t kShortestWindow = 100, kLongestWindow = 3000;  // mel frames, of 10 ms

constexpr uint32_t kRowMs = 20;                        // of the encoder
constexpr uint64_t kStoreBytes = uint64_t{256} << 20;  // of windows that are kept by default

Error stopped() { return error(Status::kCancelled, "cancelled"); }

// Adds the time that it lives to `sum`.
class Stopwatch {
 public:
  explicit Stopwatch(double& sum) : sum_(sum), start_(now_seconds()) {}
  ~Stopwatch() { sum_ += now_seconds() - start_; }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& sum_;
  const double start_;
};

uint32_t windows_kept(const ModelSpec& spec, const TranscriberOptions& options) {
  if (options.windows != 0) return std::max(options.windows, options.sounds);
  uint64_t words = 0;
  for (const LayerSpec& layer : spec.layers)
    words += layer.cross.kv_heads *
             (kv_words(options.kv.k, layer.cross.head_dim) + kv_words(options.kv.v, layer.cross.head_dim));
  const uint64_t fit = kStoreBytes / std::max<uint64_t>(4 * words * spec.encoder[0].context_length, 1);
  return std::max(static_cast<uint32_t>(std::min<uint64_t>(fit, 64)), options.sounds);
}

}  // namespace

Result<std::unique_ptr<Transcriber>> Transcriber::create(const Model& model, MelFilters filters, int32_t space_token,
                                                         const TranscriberOptions& options) {
  const ModelSpec& spec = model.spec();
  if (spec.encoder.empty() || spec.encoder[0].sound_bands == 0)
    return error(Status::kUnsupported, "the model (%s) hears nothing; take a Whisper model", spec.architecture.c_str());
  const uint32_t rows = spec.encoder[0].context_length;
  const uint32_t window = sound_frames(spec.encoder[0]);
  if (window < kShortestWindow || window > kLongestWindow || filters.bands != spec.encoder[0].sound_bands)
    return error(Status::kUnsupported, "windows of %u frames of %u bands are not supported", window, filters.bands);
  if (options.sounds == 0 || options.sounds > 64 || options.draws == 0 || options.draws > 16)
    return error(Status::kInvalidArgument, "%u sounds are outside 1 to 64, or %u draws outside 1 to 16", options.sounds,
                 options.draws);
  std::unique_ptr<Transcriber> made(new Transcriber(model));
  made->options_ = options;
  made->rules_ = {
      .tokens = whisper_tokens(spec.vocabulary).value_or(WhisperTokens{}), .space = space_token, .window = window};
  made->filters_ = std::move(filters);
  made->random_ = SplitMix(options.seed);
  const uint32_t hypotheses = options.sounds * options.draws;
  PUMICE_ASSIGN(made->step_,
                TranslationStep::create(model, {.rows = hypotheses,
                                                .source_tokens = rows,
                                                .target_tokens = spec.context_length,
                                                .encoded_rows = rows,
                                                .prompt_tokens = spec.context_length,
                                                .source_pages = windows_kept(spec, options) * pages_for(rows),
                                                .target_pages = hypotheses * (pages_for(spec.context_length) + 1),
                                                .kv = options.kv}));
  KvCacheOptions cache = options.cache;
  cache.log = &model.kernels().device().log();
  PUMICE_ASSIGN(made->store_, CrossStore::create(made->step_->sources(), made->step_->source_memory(), cache));
  made->pages_.emplace(*made->step_);
  return made;
}

// The keys and values of a window, which is encoded unless they are found.
Result<CrossSource> Transcriber::encoded(const SpeechTrack& track, const Events& events) {
  const std::vector<float> mel = track.mel();
  std::vector<int32_t> bits;
  bits.reserve(mel.size());
  for (const float value : mel) bits.push_back(std::bit_cast<int32_t>(value));
  CrossSource kept = store_->open(track.request().group, bits, step_->shape().source_tokens);
  if (store_->find(kept)) return kept;
  PUMICE_ASSIGN(const bool made, store_->make(kept));
  PUMICE_CHECK(made);  // there is room for a window of each sound
  const double before = stats_.encoding_seconds;
  {
    const Stopwatch watch(stats_.encoding_seconds);
    ++stats_.encoded_windows;
    const TranslationStep::Source source{.ids = {}, .pages = kept.pages(), .sound = mel};
    PUMICE_TRY(step_->encode({&source, 1}, [&] { return !events.progress || events.progress(track); }));
  }
  store_->keep(kept, stats_.encoding_seconds - before);
  return kept;
}

// The logits behind the last token.
Result<std::span<const float>> Transcriber::prefill(const Sound& sound, std::span<const int32_t> tokens,
                                                    HypothesisPages::Pages& pages) {
  const Stopwatch watch(stats_.prompt_seconds);
  PUMICE_TRY(pages_->make_places(pages, 0, static_cast<uint32_t>(tokens.size())));
  PUMICE_ASSIGN(const float* logits, step_->prefill({.tokens = tokens,
                                                     .pages = pages,
                                                     .source = sound.kept->pages(),
                                                     .source_tokens = step_->shape().source_tokens}));
  stats_.prompt_tokens += tokens.size();
  const std::span<const float> row(logits, model_.spec().vocabulary);
  if (!finite(row)) return not_finite(model_);
  return row;
}

Result<void> Transcriber::detect_language(Sound& sound) {
  HypothesisPages::Pages pages;
  const int32_t start[] = {rules_.tokens.start};
  const Result<std::span<const float>> logits = prefill(sound, start, pages);
  pages_->drop(pages);
  if (!logits) return logits.error();
  const std::vector<double> logs =
      log_softmax(logits->subspan(static_cast<size_t>(rules_.tokens.language(0)), rules_.tokens.languages));
  const auto best = std::max_element(logs.begin(), logs.end());
  sound.track.choose_language(static_cast<uint32_t>(best - logs.begin()), std::exp(*best));
  return {};
}

// false: there is none.
Result<bool> Transcriber::begin_window(Sound& sound, const Events& events) {
  PUMICE_ASSIGN(const bool more, sound.track.next_window());
  if (!more) return false;
  sound.began = now_seconds();
  sound.rows_heard = sound.track.rows_heard();
  sound.begins_ms = sound.track.begins_ms();
  PUMICE_ASSIGN(CrossSource kept, encoded(sound.track, events));
  sound.kept = std::move(kept);
  ++stats_.windows;
  if (sound.track.needs_language()) PUMICE_TRY(detect_language(sound));
  PUMICE_TRY(begin_attempt(sound, 0));
  return true;
}

Result<void> Transcriber::begin_attempt(Sound& sound, float temperature) {
  drop_hypotheses(sound);
  ++stats_.attempts;
  const std::vector<int32_t> prompt = sound.track.begin_attempt(temperature);
  Hypothesis first{.candidate = SpeechCandidate(sound.track.window()),
                   .pages = {},
                   .position = static_cast<uint32_t>(prompt.size())};
  const Result<std::span<const float>> logits = prefill(sound, prompt, first.pages);
  if (!logits) {
    pages_->drop(first.pages);
    return logits.error();
  }
  sound.no_speech = std::exp(log_softmax(*logits)[static_cast<size_t>(rules_.tokens.no_speech)]);
  sound.hypotheses.assign(temperature > 0 ? options_.draws : 1, first);
  for (size_t i = 0; i < sound.hypotheses.size(); ++i) {
    if (i > 0) pages_->share(first.pages);
    sound.hypotheses[i].candidate.take(rules_, *logits, random_);
  }
  return {};
}

void Transcriber::drop_hypotheses(Sound& sound) {
  for (const Hypothesis& hypothesis : sound.hypotheses) pages_->drop(hypothesis.pages);
  sound.hypotheses.clear();
}

void Transcriber::drop(Sound& sound) {
  drop_hypotheses(sound);
  sound.kept.reset();
}

// One token more of all that is not over.
Result<void> Transcriber::run_step() {
  std::vector<TranslationStep::Row> rows;
  std::vector<SpeechCandidate*> candidates;
  for (const std::unique_ptr<Sound>& sound : sounds_)
    for (Hypothesis& hypothesis : sound->hypotheses) {
      if (hypothesis.candidate.over()) continue;
      PUMICE_TRY(pages_->make_places(hypothesis.pages, hypothesis.position));
      rows.push_back({.token = hypothesis.candidate.tokens().back(),
                      .position = hypothesis.position++,
                      .pages = hypothesis.pages,
                      .source = sound->kept->pages(),
                      .source_tokens = step_->shape().source_tokens});
      candidates.push_back(&hypothesis.candidate);
    }
  if (rows.empty()) return {};
  const Stopwatch watch(stats_.step_seconds);
  PUMICE_ASSIGN(const float* logits, step_->step(rows));
  for (SpeechCandidate* candidate : candidates) {
    const std::span<const float> row(logits, model_.spec().vocabulary);
    if (!finite(row)) return not_finite(model_);
    candidate->take(rules_, row, random_);
    logits += step_->logit_stride();
  }
  store_->maintain();
  ++stats_.steps;
  stats_.tokens += rows.size();
  return {};
}

// When the tokens of the window's segments are said: all of them once more, and what they attend to.
Result<void> Transcriber::add_times(Sound& sound, std::vector<SpeechSegment>& segments) {
  std::vector<int32_t> tokens = sound.track.alignment_prompt();
  const auto before = static_cast<uint32_t>(tokens.size());
  for (const SpeechSegment& segment : segments) tokens.insert(tokens.end(), segment.ids.begin(), segment.ids.end());
  if (tokens.size() == before) return {};
  tokens.push_back(rules_.tokens.end);
  const auto count = static_cast<uint32_t>(tokens.size());
  PUMICE_CHECK(count <= model_.spec().context_length);
  const Stopwatch watch(stats_.prompt_seconds);
  drop_hypotheses(sound);  // their pages may be needed
  HypothesisPages::Pages pages;
  PUMICE_TRY(pages_->make_places(pages, 0, count));
  const std::vector<HeadPlace> heads = alignment_heads(model_.spec());
  const uint32_t rows = step_->shape().source_tokens;
  const Result<std::vector<float>> weights =
      step_->align({.tokens = tokens, .pages = pages, .source = sound.kept->pages(), .source_tokens = rows}, heads);
  pages_->drop(pages);
  if (!weights) return weights.error();
  const std::vector<uint32_t> found =
      token_rows({.values = *weights, .heads = static_cast<uint32_t>(heads.size()), .tokens = count, .rows = rows},
                 before - 1, sound.rows_heard);
  size_t at = 0;
  for (SpeechSegment& segment : segments)
    for (size_t i = 0; i < segment.ids.size(); ++i, ++at) {
      segment.begins_ms.push_back(sound.begins_ms + uint64_t{kRowMs} * found[at]);
      segment.ends_ms.push_back(sound.begins_ms + uint64_t{kRowMs} * found[at + 1]);
    }
  return {};
}

// Of a window whose candidates are over: what it says, or another attempt.
Result<void> Transcriber::conclude(Sound& sound, const Events& events) {
  Hypothesis* best = nullptr;
  for (Hypothesis& hypothesis : sound.hypotheses) {
    hypothesis.candidate.finish(rules_);
    if (!best || SpeechTrack::score(hypothesis.candidate) > SpeechTrack::score(best->candidate)) best = &hypothesis;
  }
  SpeechTrack& track = sound.track;
  if (!track.accepts(best->candidate, sound.no_speech)) return begin_attempt(sound, *track.next_temperature());
  std::vector<SpeechSegment> found = track.conclude(best->candidate, sound.no_speech, now_seconds() - sound.began);
  if (track.request().word_times) PUMICE_TRY(add_times(sound, found));
  drop(sound);
  for (const SpeechSegment& segment : found)
    if (events.segment && !events.segment(track, segment)) return stopped();
  return {};
}

// Begins the next window or ends the one under way, as far as that needs no step.
Result<void> Transcriber::advance(Sound& sound, const Events& events, bool& over) {
  const auto all_over = [&] {
    return std::all_of(sound.hypotheses.begin(), sound.hypotheses.end(),
                       [](const Hypothesis& hypothesis) { return hypothesis.candidate.over(); });
  };
  while (true) {
    if (!sound.kept) {
      PUMICE_ASSIGN(const bool more, begin_window(sound, events));
      over = !more;
      if (over) return {};
    }
    if (events.progress && !events.progress(sound.track)) return stopped();
    if (!all_over()) return {};
    PUMICE_TRY(conclude(sound, events));
  }
}

Result<void> Transcriber::run(std::vector<SpeechRequest> requests, const Events& events) {
  size_t next = 0;
  while (next < requests.size() || !sounds_.empty()) {
    for (; next < requests.size() && sounds_.size() < options_.sounds; ++next)
      sounds_.push_back(std::make_unique<Sound>(Sound{
          .track = SpeechTrack(next, std::move(requests[next]), filters_, rules_, model_.spec().context_length)}));
    for (size_t i = 0; i < sounds_.size();) {
      bool over = false;
      PUMICE_TRY(advance(*sounds_[i], events, over));
      if (!over) {
        ++i;
        continue;
      }
      stats_.sound_seconds += sounds_[i]->track.seconds_known();
      if (events.end && !events.end(sounds_[i]->track)) return stopped();
      sounds_.erase(sounds_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    PUMICE_TRY(run_step());
  }
  return {};
}

Result<void> Transcriber::transcribe(std::vector<SpeechRequest> requests, const Events& events) {
  const Stopwatch watch(stats_.seconds);
  const auto begun = [&] { return run(std::move(requests), events); };
  return or_undo(begun, [&] {
    sounds_.clear();
    pages_->clear();
  });
}

}  // namespace pumice
