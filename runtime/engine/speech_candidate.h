// SpeechCandidate: what one window of a sound may say, token by token: which of it counts, and where the next window
// begins. Several stand beside each other where tokens are drawn. Source: whisper.cpp's decoding.
// Thread rule: one thread at a time.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/random.h"
#include "engine/speech_rules.h"

namespace pumice {

constexpr uint32_t kSpeechLeast = 10;  // frames of a sound that are worth a window
constexpr uint32_t kFramesOfTimestamp = 2;

struct SpeechWindow {
  uint32_t seek = 0, end = 0;  // frames: where the window begins, and the sound ends
  uint32_t most = 3000;        // frames of a window
  uint32_t limit = 0;          // tokens
  bool timestamps = true;
  float temperature = 0;  // 0: the likeliest token, else they are drawn
};

class SpeechCandidate {
 public:
  explicit SpeechCandidate(const SpeechWindow& window) : window_(window), advance_(window.most) {}

  // The next token, by the logits of all tokens.
  void take(const SpeechRules& rules, std::span<const float> logits, SplitMix& random);
  bool over() const { return over_; }
  std::span<const int32_t> tokens() const { return tokens_; }

  // Once it is over: of what counts.
  void finish(const SpeechRules& rules);
  bool failed() const { return failed_; }
  uint32_t advance() const { return advance_; }           // frames to the next window
  size_t kept() const { return kept_; }                   // tokens that count
  double mean() const;                                    // of their logarithms; -infinity: none counts
  double entropy() const;                                 // of the last of them: low where they repeat
  std::span<const double> logs() const { return logs_; }  // of each token
  void drop();                                            // none of it counts: it is silence

 private:
  void mark_time(const SpeechRules& rules, int32_t token);
  void check_end(const SpeechRules& rules);

  SpeechWindow window_;
  std::vector<int32_t> tokens_;
  std::vector<double> logs_;
  std::optional<int32_t> last_time_;
  size_t kept_ = 0;
  uint32_t advance_;
  bool failed_ = false, over_ = false;
};

}  // namespace pumice
