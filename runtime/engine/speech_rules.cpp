#include "engine/speech_rules.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace pumice {
namespace {

constexpr int32_t kLatestFirst = 50;  // timestamps that the first one may lie behind 0.00
constexpr float kNever = -std::numeric_limits<float>::infinity();

void forbid(std::span<float> logits, int32_t first, int32_t end) {
  for (int32_t id = first; id < end; ++id) logits[static_cast<size_t>(id)] = kNever;
}

}  // namespace

std::vector<double> log_softmax(std::span<const float> logits) {
  const auto highest = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - highest);
  std::vector<double> logs(logits.size());
  for (size_t i = 0; i < logs.size(); ++i) logs[i] = static_cast<double>(logits[i]) - highest - std::log(sum);
  return logs;
}

std::vector<double> SpeechRules::next(std::span<const float> logits, std::span<const int32_t> made,
                                      std::optional<int32_t> last_time, bool timestamps, float temperature) const {
  std::vector<float> kept(logits.begin(), logits.end());
  if (temperature > 0)
    for (float& logit : kept) logit /= temperature;
  const int32_t begin = tokens.first_timestamp, all = static_cast<int32_t>(kept.size());
  if (made.empty()) {
    forbid(kept, tokens.end, tokens.end + 1);
    if (space >= 0) forbid(kept, space, space + 1);
    forbid(kept, begin + kLatestFirst + 1, all);
  }
  forbid(kept, tokens.start, begin);
  if (!timestamps) {
    forbid(kept, begin, all);
  } else if (!made.empty() && made.back() >= begin) {
    if (made.size() < 2 || made[made.size() - 2] >= begin)
      forbid(kept, begin, all);  // behind a pair, or the one that opens: text
    else
      forbid(kept, 0, tokens.end);  // behind one that closes: another, or the end
  }
  if (last_time) forbid(kept, begin, begin + *last_time);
  std::vector<double> logs = log_softmax(kept);
  const auto times = logs.begin() + begin;
  double together = 0;
  for (auto time = times; time != logs.end(); ++time) together += std::exp(*time);
  if (std::log(together) > *std::max_element(logs.begin(), times))
    std::fill(logs.begin(), times, -std::numeric_limits<double>::infinity());
  return logs;
}

}  // namespace pumice
