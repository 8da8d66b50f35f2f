// SpeechTrack: one sound that is transcribed: its mel frames, the place that it has come to, and what has been said.
//
// A sound is taken in windows of 30 s, each from the last timestamp of the one before. A live one does not wait for
// them: what has come so far is taken as a window, and of that the segments that end well before it does.
// Thread rule: one thread at a time.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "engine/speech_candidate.h"
#include "media/log_mel.h"

namespace pumice {

struct SpeechRequest {
  // The next samples, at kMelRate; fewer than there is room for: the sound ends.
  std::function<Result<size_t>(std::span<float>)> read;
  bool live = false;                 // else all of it is read at once
  std::optional<uint32_t> language;  // of whisper_languages(); empty: the likeliest
  bool translate = false;            // into English
  bool timestamps = true;
  bool fallback = true;         // a window that fails is tried again, with tokens drawn at higher temperatures
  bool context = true;          // what windows before have said goes before the next
  std::vector<int32_t> prompt;  // goes before the first
  bool word_times = false;      // when each token is said, by attention
  std::string group;            // windows of sounds of different groups are not found by each other
};

struct SpeechSegment {
  uint64_t from_ms = 0, to_ms = 0;
  std::vector<int32_t> ids;                  // of text
  std::vector<uint64_t> begins_ms, ends_ms;  // of each token; or empty
  double mean = 0;                           // of their logarithms of probability
  double no_speech = 0;                      // probability that the window is silent
};

class SpeechTrack {
 public:
  // The rules outlive it. text_context: positions of the decoder.
  SpeechTrack(size_t index, SpeechRequest request, MelFilters filters, const SpeechRules& rules, uint32_t text_context);

  size_t index() const { return index_; }
  const SpeechRequest& request() const { return request_; }
  // Reads on; false: the sound is at its end.
  Result<bool> next_window();
  std::vector<float> mel() const { return mel_.window(seek_, rules_.window); }  // (frames, bands)

  bool needs_language() const { return rules_.tokens.multilingual && !language_; }
  void choose_language(uint32_t language, double chance);
  uint32_t language() const { return language_.value_or(0); }
  double language_chance() const { return language_chance_; }

  // Another attempt at the window: the tokens before it, and what candidates begin with.
  std::vector<int32_t> begin_attempt(float temperature);
  SpeechWindow window() const;
  static double score(const SpeechCandidate& candidate);  // by which one of an attempt's is the best
  // Whether the attempt's best candidate will do, or was the last that pays.
  bool accepts(const SpeechCandidate& best, double no_speech) const;
  std::optional<float> next_temperature() const;
  // What it says; the next window begins behind that.
  std::vector<SpeechSegment> conclude(SpeechCandidate& best, double no_speech, double seconds);

  std::vector<int32_t> alignment_prompt() const;  // what goes before a text whose words are placed
  // Of the next window: rows of the encoder that lie on sound, and when it begins.
  uint32_t rows_heard() const;
  uint64_t begins_ms() const { return uint64_t{10} * seek_; }

  double seconds_done() const { return std::min(seek_, mel_.content()) / 100.0; }
  double seconds_known() const { return mel_.content() / 100.0; }  // of the sound so far

 private:
  bool partial() const { return !mel_.ended() && mel_.frames() < seek_ + rules_.window; }
  size_t keep_settled(std::span<const int32_t> tokens, uint32_t& advance) const;
  std::vector<SpeechSegment> segments(const SpeechCandidate& said, size_t kept, uint32_t advance,
                                      double no_speech) const;

  const size_t index_;
  const SpeechRequest request_;
  const SpeechRules& rules_;
  const uint32_t text_context_;
  MelStream mel_;
  uint32_t seek_ = 0;
  uint32_t step_, wanted_;              // frames of a live sound that are wanted, and behind `seek_` that make a window
  std::vector<int32_t> past_, recent_;  // tokens said; and those that go before the attempt
  std::optional<uint32_t> language_;
  double language_chance_ = 0;
  float temperature_ = 0;
};

}  // namespace pumice
