#include "serve/metrics.h"

#include <fmt/format.h>

namespace pumice_serve {

namespace {

std::string counter(const char* name, const char* help, std::uint64_t value, const char* type = "counter") {
  return fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n{0} {3}\n", name, help, type, value);
}

}  // namespace

void Histogram::add(double seconds) {
  std::size_t bucket = 0;
  while (bucket < kEdges.size() && seconds > kEdges[bucket]) ++bucket;
  ++counts_[bucket];
  for (double sum = sum_; !sum_.compare_exchange_weak(sum, sum + seconds);) {
  }
}

std::string Histogram::text(const std::string& name, const std::string& help) const {
  std::string text = fmt::format("# HELP {0} {1}\n# TYPE {0} histogram\n", name, help);
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    below += counts_[i];
    const std::string edge = i < kEdges.size() ? fmt::format("{}", kEdges[i]) : "+Inf";
    text += fmt::format("{}_bucket{{le=\"{}\"}} {}\n", name, edge, below);
  }
  return text + fmt::format("{0}_sum {1}\n{0}_count {2}\n", name, sum_.load(), below);
}

void Metrics::count(const std::string& path, int status) {
  const std::lock_guard lock(mutex_);
  ++responses_[fmt::format("path=\"{}\",status=\"{}\"", path, status)];
}

std::string Metrics::text() const {
  std::string text =
      "# HELP pumice_responses_total Responses by path and status.\n# TYPE pumice_responses_total counter\n";
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [labels, count] : responses_)
      text += fmt::format("pumice_responses_total{{{}}} {}\n", labels, count);
  }
  text += counter("pumice_prompt_tokens_total", "Tokens of prompts.", prompt_tokens);
  text += counter("pumice_cached_tokens_total", "Tokens of prompts that the KV cache had.", cached_tokens);
  text += counter("pumice_generated_tokens_total", "Tokens generated.", generated_tokens);
  text += counter("pumice_cancelled_total", "Replies whose client went away.", cancelled);
  text += counter("pumice_connections_total", "Connections accepted.", connections);
  text += counter("pumice_open_connections", "Connections that are open.", open_connections, "gauge");
  text += counter("pumice_running_replies", "Replies that are being generated.", running, "gauge");
  text += counter("pumice_waiting_replies", "Replies that wait for a place.", waiting, "gauge");
  text += first_token.text("pumice_first_token_seconds", "From a request to the first token of its reply.");
  return text + each_token.text("pumice_token_seconds", "Between two tokens of a reply.");
}

}  // namespace pumice_serve
