// Guesses: what may come next in a text, from what it says already (prompt lookup). Thread rule: pure functions.
// Source: Saxena 2023 (prompt lookup decoding).
#pragma once

#include <cstdint>
#include <span>

namespace pumice {

// What followed where the text's end stood before, at the longest such place, the latest of equals: as many tokens as
// `guesses` has, or none (0) where fewer than kLeastMatch tokens are alike.
inline constexpr uint32_t kLeastMatch = 4;
inline constexpr uint32_t kMostGuesses = 15;  // a step of 16 rows reads the weights once
uint32_t guess_next(std::span<const int32_t> text, std::span<int32_t> guesses);

// Whether guessing pays, and how much of it, by what steps have taken so far. Seconds are of any steady clock.
class GuessGain {
 public:
  // A token of a plain step, so long after the one before.
  void plain(double seconds);
  // A step that checked so many guesses brought so many tokens, so long after the last one; after so many generated
  // tokens. Where checks lose they rest, until what was lost is a small part of the text.
  void checked(double seconds, uint32_t guesses, uint32_t tokens, uint64_t generated);
  // Whether to guess after so many generated tokens; only once it is known what a plain step takes.
  bool worth_trying(uint64_t generated) const { return plain_tokens_ >= kBaseline && generated >= next_; }
  // Guesses of the next check: more where all were right, fewer where most were wrong.
  uint32_t most() const { return most_; }

 private:
  static constexpr uint32_t kTrial = 2, kBaseline = 4;  // checks before they are judged; tokens of plain steps
  static constexpr uint32_t kFewest = 2;
  static constexpr double kFirstRest = 64, kLongestRest = 4096;  // tokens
  static constexpr double kShareLost = 0.03;                     // at most, of the time that the text takes
  double plain_seconds_ = 0, plain_tokens_ = 0, checked_seconds_ = 0, checked_tokens_ = 0;
  uint32_t checks_ = 0, most_ = kFewest;
  uint64_t next_ = 0;
  double rest_ = kFirstRest;
};

}  // namespace pumice
