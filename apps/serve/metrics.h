// What a server counts. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace pumice_serve {

// Seconds, in buckets as Prometheus has them.
class Histogram {
 public:
  static constexpr std::array<double, 12> kEdges = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
  void add(double seconds);
  std::string text(const std::string& name, const std::string& help) const;

 private:
  std::array<std::atomic<std::uint64_t>, kEdges.size() + 1> counts_{};
  std::atomic<double> sum_{0};
};

class Metrics {
 public:
  std::atomic<std::uint64_t> prompt_tokens{0}, cached_tokens{0}, generated_tokens{0};
  std::atomic<std::uint64_t> cancelled{0}, connections{0}, open_connections{0};
  std::atomic<std::uint64_t> running{0}, waiting{0};  // replies
  Histogram first_token, each_token;

  void count(const std::string& path, int status);
  // Prometheus' text format 0.0.4.
  std::string text() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::uint64_t> responses_;  // by labels
};

}  // namespace pumice_serve
