// Scoring: the log-probabilities that a model gives to known tokens, at prefill speed.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

namespace pumice {

// Logits of consecutive appended tokens, `first` being the index of the first of them among the ids. Valid during the
// call.
struct LogitRows {
  size_t first = 0, count = 0;
  const float* logits = nullptr;  // (count, vocabulary)
  size_t stride = 0;              // floats from one row to the next
};

struct ScoreArgs {
  std::span<const int32_t> ids;                        // appended to the sequence
  std::span<const int32_t> targets;                    // (ids): what may come after each; < 0: not of interest
  std::span<float> log_probabilities;                  // (ids), of the targets; empty: not wanted
  std::function<bool(const LogitRows& rows)> on_rows;  // of the targets, in order; false: stop. Empty: not wanted
};

// A token with the natural logarithm of its probability.
struct LikelyToken {
  int32_t id = 0;
  float log_probability = 0;
};
// Of the token; and the likeliest ones, in order, of equals the lower id first. logits: of all tokens, no fewer than
// `top`.
float log_probability_of(std::span<const float> logits, int32_t token, std::span<LikelyToken> top);

// ln sum exp(logits), in double.
double log_sum_exp(std::span<const float> logits);

// The next run of at most `most` consecutive targets >= 0 within [from, end). count 0: there is none.
struct TargetRun {
  size_t first = 0, count = 0;
};
TargetRun next_target_run(std::span<const int32_t> targets, size_t from, size_t end, size_t most);

}  // namespace pumice
