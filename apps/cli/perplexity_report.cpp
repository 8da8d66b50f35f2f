#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "output.h"
#include "perplexity.h"

namespace pumice_cli {

namespace {

using Json = nlohmann::ordered_json;

double log_sum_exp(const float* logits, std::size_t count) {
  const double peak = static_cast<double>(*std::max_element(logits, logits + count));
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += std::exp(static_cast<double>(logits[i]) - peak);
  return peak + std::log(sum);
}

Json score_json(const KvTypeScore& score) {
  return {{"kv_type", score.kv_type},
          {"kv_bytes_per_token", score.kv_bytes_per_token},
          {"perplexity", score.perplexity()},
          {"perplexity_standard_error", score.standard_error()},
          {"mean_negative_log_probability", score.negative_log.mean()},
          {"scored_tokens", score.negative_log.count()},
          {"computed_tokens", score.computed},
          {"seconds", score.seconds},
          {"tokens_per_second", score.tokens_per_second()}};
}

Json comparison_json(const Comparison& comparison) {
  return {{"kl_divergence_mean", comparison.divergence.mean()},
          {"kl_divergence_standard_error", comparison.divergence.standard_error()},
          {"kl_divergence_median", comparison.quantile(0.5)},
          {"kl_divergence_q99", comparison.quantile(0.99)},
          {"kl_divergence_max", comparison.quantile(1)},
          {"same_top", comparison.same_top.mean()},
          {"same_top_standard_error", comparison.same_top.standard_error()},
          {"log_perplexity_difference", comparison.log_ratio.mean()},
          {"log_perplexity_difference_standard_error", comparison.log_ratio.standard_error()}};
}

}  // namespace

std::vector<ScoreWindow> plan_windows(std::size_t tokens, std::uint32_t size, std::uint32_t stride) {
  if (tokens < 2) return {};
  if (tokens < size) return {{0, tokens, std::min(tokens / 2 + 1, tokens - 1)}};
  const std::size_t step = stride == 0 ? size : stride;
  const std::size_t scored_from = stride == 0 ? std::min(size / 2 + 1, size - 1) : std::max(size - stride, 1u);
  std::vector<ScoreWindow> windows;
  for (std::size_t first = 0; first + size <= tokens; first += step) windows.push_back({first, size, scored_from});
  return windows;
}

double RunningMean::mean() const { return count_ > 0 ? sum_ / static_cast<double>(count_) : 0; }

double RunningMean::standard_error() const {
  if (count_ < 2) return 0;
  const auto n = static_cast<double>(count_);
  const double variance = std::max(sum_of_squares_ / n - mean() * mean(), 0.0) * n / (n - 1);
  return std::sqrt(variance / n);
}

double KvTypeScore::perplexity() const { return std::exp(negative_log.mean()); }
double KvTypeScore::standard_error() const { return perplexity() * negative_log.standard_error(); }

void Comparison::add(const float* p, const float* q, std::size_t vocabulary, std::int32_t token) {
  const double p_total = log_sum_exp(p, vocabulary), q_total = log_sum_exp(q, vocabulary);
  const auto log_p = [&](std::size_t i) { return static_cast<double>(p[i]) - p_total; };
  const auto log_q = [&](std::size_t i) { return static_cast<double>(q[i]) - q_total; };
  double sum = 0;
  for (std::size_t i = 0; i < vocabulary; ++i) sum += std::exp(log_p(i)) * (log_p(i) - log_q(i));
  sum = std::max(sum, 0.0);  // what is below is rounding
  divergence.add(sum);
  divergences.push_back(static_cast<float>(sum));
  const bool same = std::max_element(p, p + vocabulary) - p == std::max_element(q, q + vocabulary) - q;
  same_top.add(same ? 1 : 0);
  log_ratio.add(log_p(static_cast<std::size_t>(token)) - log_q(static_cast<std::size_t>(token)));
}

double Comparison::quantile(double share) const {
  if (divergences.empty()) return 0;
  std::vector<float> sorted = divergences;
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  const auto at = sorted.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::nth_element(sorted.begin(), at, sorted.end());
  return static_cast<double>(*at);
}

std::string perplexity_json(const PerplexityOutcome& outcome) {
  Json json = {{"model", outcome.model},      {"path", outcome.path},
               {"device", outcome.device},    {"driver", outcome.driver},
               {"text", outcome.text_name},   {"text_tokens", outcome.text_tokens},
               {"window", outcome.window},    {"stride", outcome.stride},
               {"windows", outcome.windows},  {"windows_done", outcome.windows_done},
               {"complete", outcome.complete}};
  json.update(score_json(outcome.scores.front()));
  if (outcome.scores.size() > 1) {
    json["compared"] = score_json(outcome.scores[1]);
    json["comparison"] = comparison_json(outcome.comparison);
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string perplexity_table(const PerplexityOutcome& outcome) {
  const KvTypeScore& first = outcome.scores.front();
  std::string table;
  const auto row = [&table](std::string_view label, const std::string& value) {
    table += fmt::format("{:<22}{}\n", label, value);
  };
  for (const KvTypeScore& score : outcome.scores)
    row(outcome.scores.size() > 1 ? "perplexity, " + score.kv_type : "perplexity",
        fmt::format("{:.4f} +/- {:.4f}", score.perplexity(), score.standard_error()));
  row("tokens", fmt::format("{} scored of {} ({} of {} windows of {})", first.negative_log.count(), outcome.text_tokens,
                            outcome.windows_done, outcome.windows, outcome.window));
  for (const KvTypeScore& score : outcome.scores)
    row(outcome.scores.size() > 1 ? "time, " + score.kv_type : "time",
        fmt::format("{:.2f} s, {:.1f} tokens/s; KV cache {}, {} a token", score.seconds, score.tokens_per_second(),
                    score.kv_type, format_bytes(score.kv_bytes_per_token)));
  if (outcome.scores.size() < 2) return table;
  const Comparison& compared = outcome.comparison;
  row("KL divergence", fmt::format("{:.3g} +/- {:.2g}; median {:.3g}, 99 % {:.3g}, largest {:.3g}",
                                   compared.divergence.mean(), compared.divergence.standard_error(),
                                   compared.quantile(0.5), compared.quantile(0.99), compared.quantile(1)));
  row("same top token",
      fmt::format("{:.3f} % +/- {:.3f} %", 100 * compared.same_top.mean(), 100 * compared.same_top.standard_error()));
  row("ln perplexity ratio",
      fmt::format("{:.3g} +/- {:.2g}", compared.log_ratio.mean(), compared.log_ratio.standard_error()));
  return table;
}

}  // namespace pumice_cli
