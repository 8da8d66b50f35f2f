// SpeechRules: which tokens may follow in a transcript, and how likely each is then.
//
// The rules are whisper.cpp's, in its order: text begins with neither a space alone nor the end, special tokens never
// come, timestamps come in pairs and never go back, the first is at most 1.00 s, and where timestamps together are
// likelier than any text, one of them comes. Thread rule: immutable.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "format/whisper_vocabulary.h"

namespace pumice {

struct SpeechRules {
  WhisperTokens tokens;
  int32_t space = -1;      // the token of a space alone; -1: there is none
  uint32_t window = 3000;  // mel frames of 10 ms that are heard at a time

  // Logarithms of probabilities, -infinity for what may not come. made: tokens of the window so far; last_time: its
  // last timestamp, from the first one on; temperature 0: logits as they are.
  std::vector<double> next(std::span<const float> logits, std::span<const int32_t> made,
                           std::optional<int32_t> last_time, bool timestamps, float temperature) const;
};

// Of softmax over all of them.
std::vector<double> log_softmax(std::span<const float> logits);

}  // namespace pumice
