// What `pumice perplexity` found, for its reports, and which tokens it counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace pumice_cli {

// Tokens [first, first + tokens) of a text, computed from an empty cache. Those from offset `scored_from` on count; it
// is at least 1, as nothing predicts the first one.
struct ScoreWindow {
  std::size_t first = 0, tokens = 0, scored_from = 1;
};

// Windows of `size` tokens, `stride` apart (0: end to end). End to end, those after the middle of each window count;
// with a stride, the last `stride` of each, so that all but the text's first size - stride count once. Tokens left
// over after the last whole window do not count. A text shorter than a window is one window of its own length.
std::vector<ScoreWindow> plan_windows(std::size_t tokens, std::uint32_t size, std::uint32_t stride);

// Mean and its standard error, from values one by one.
class RunningMean {
 public:
  void add(double value) {
    ++count_;
    sum_ += value;
    sum_of_squares_ += value * value;
  }
  std::size_t count() const { return count_; }
  double mean() const;
  double standard_error() const;  // 0 for fewer than two values

 private:
  std::size_t count_ = 0;
  double sum_ = 0, sum_of_squares_ = 0;
};

// Natural logarithms throughout.
struct KvTypeScore {
  std::string kv_type;
  std::uint64_t kv_bytes_per_token = 0;
  double seconds = 0;        // spent on it
  std::size_t computed = 0;  // tokens
  RunningMean negative_log;  // -ln p of each scored token

  double perplexity() const;
  double standard_error() const;  // of the perplexity, to first order
  double tokens_per_second() const { return seconds > 0 ? static_cast<double>(computed) / seconds : 0; }
};

// Of the next-token distribution P of the first type and Q of the second, at each scored token.
struct Comparison {
  RunningMean divergence;          // sum P ln(P / Q)
  std::vector<float> divergences;  // each, for the quantiles
  RunningMean same_top;            // 1 where the most likely token is the same
  RunningMean log_ratio;           // ln P(token) - ln Q(token): of the logarithms of the perplexities

  void add(const float* p, const float* q, std::size_t vocabulary, std::int32_t token);
  double quantile(double share) const;
};

struct PerplexityOutcome {
  std::string model, path, device, driver, text_name;
  std::size_t text_tokens = 0, windows = 0, windows_done = 0;
  std::uint32_t window = 0, stride = 0;
  std::vector<KvTypeScore> scores;  // one, or two that are compared
  Comparison comparison;
  bool complete = false;
};

std::string perplexity_json(const PerplexityOutcome& outcome);
std::string perplexity_table(const PerplexityOutcome& outcome);

}  // namespace pumice_cli
