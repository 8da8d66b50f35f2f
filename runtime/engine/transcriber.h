// Transcriber: sounds to text, several at a time.
//
// A window of a sound is encoded once; all that is decoded of it (its language, attempts at several temperatures, the
// same sound again, into other languages) shares its keys and values, found by the content of its mel frames
// (CrossStore). Thread rule: one thread at a time.
#pragma once

#include <memory>

#include "engine/cross_store.h"
#include "engine/hypothesis_pages.h"
#include "engine/speech_track.h"

namespace pumice {

struct TranscriberOptions {
  KvFormat kv{KvType::kF32, KvType::kF32};
  uint32_t sounds = 4;   // most that are under way together
  uint32_t windows = 0;  // kept in device memory, at least `sounds`; 0: as many as fit some hundred MiB
  uint32_t draws = 5;    // of a window, where tokens are drawn
  uint64_t seed = 0;
  KvCacheOptions cache{.reuse = true};
};

struct TranscriberStats {
  uint64_t windows = 0;          // that were decoded
  uint64_t encoded_windows = 0;  // the others' keys and values were found
  uint64_t attempts = 0;         // at windows
  uint64_t tokens = 0, prompt_tokens = 0, steps = 0;
  double seconds = 0, sound_seconds = 0;  // in transcribe(); and of sound
  double encoding_seconds = 0, step_seconds = 0, prompt_seconds = 0;
};

class Transcriber {
 public:
  struct Events {
    // Segments of a sound in their order. false: stop.
    std::function<bool(const SpeechTrack&, const SpeechSegment&)> segment;
    // After each piece of work, and now and then in a long one. false: stop.
    std::function<bool(const SpeechTrack&)> progress;
    std::function<bool(const SpeechTrack&)> end;  // of a sound
  };

  // The model outlives the transcriber. kUnsupported: it hears nothing.
  static Result<std::unique_ptr<Transcriber>> create(const Model& model, MelFilters filters, int32_t space_token,
                                                     const TranscriberOptions& options);

  const SpeechRules& rules() const { return rules_; }
  Result<void> transcribe(std::vector<SpeechRequest> requests, const Events& events);
  const TranscriberStats& stats() const { return stats_; }
  KvCache& cache() { return store_->cache(); }  // of windows

 private:
  struct Hypothesis {
    SpeechCandidate candidate;
    HypothesisPages::Pages pages;
    uint32_t position = 0;  // of the next token
  };
  struct Sound {
    SpeechTrack track;
    std::optional<CrossSource> kept = std::nullopt;  // of the window under way; empty: none is
    double no_speech = 0, began = 0;
    uint32_t rows_heard = 0;  // of the window
    uint64_t begins_ms = 0;   // likewise
    std::vector<Hypothesis> hypotheses;
  };

  explicit Transcriber(const Model& model) : model_(model), random_(0) {}
  Result<CrossSource> encoded(const SpeechTrack& track, const Events& events);
  Result<std::span<const float>> prefill(const Sound& sound, std::span<const int32_t> tokens,
                                         HypothesisPages::Pages& pages);
  Result<void> detect_language(Sound& sound);
  Result<bool> begin_window(Sound& sound, const Events& events);
  Result<void> begin_attempt(Sound& sound, float temperature);
  Result<void> run_step();
  Result<void> conclude(Sound& sound, const Events& events);
  Result<void> add_times(Sound& sound, std::vector<SpeechSegment>& segments);
  Result<void> advance(Sound& sound, const Events& events, bool& over);
  void drop_hypotheses(Sound& sound);
  void drop(Sound& sound);
  Result<void> run(std::vector<SpeechRequest> requests, const Events& events);

  const Model& model_;
  TranscriberOptions options_;
  SpeechRules rules_;
  MelFilters filters_;
  std::unique_ptr<TranslationStep> step_;
  std::unique_ptr<CrossStore> store_;
  std::optional<HypothesisPages> pages_;
  std::vector<std::unique_ptr<Sound>> sounds_;  // under way
  SplitMix random_;
  TranscriberStats stats_;
};

}  // namespace pumice
