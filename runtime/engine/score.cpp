#include "engine/score.h"

#include <algorithm>
#include <cmath>

namespace pumice {

double log_sum_exp(std::span<const float> logits) {
  const double peak = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - peak);
  return peak + std::log(sum);
}

float log_probability_of(std::span<const float> logits, int32_t token, std::span<LikelyToken> top) {
  const auto total = static_cast<float>(log_sum_exp(logits));
  size_t found = 0;
  for (size_t id = 0; id < logits.size() && !top.empty(); ++id) {
    if (found == top.size() && !(logits[id] > top.back().log_probability)) continue;
    size_t place = found < top.size() ? found++ : found - 1;
    for (; place > 0 && logits[id] > top[place - 1].log_probability; --place) top[place] = top[place - 1];
    top[place] = {static_cast<int32_t>(id), logits[id]};
  }
  for (LikelyToken& likely : top) likely.log_probability -= total;
  return logits[static_cast<size_t>(token)] - total;
}

TargetRun next_target_run(std::span<const int32_t> targets, size_t from, size_t end, size_t most) {
  while (from < end && targets[from] < 0) ++from;
  TargetRun run{from, 0};
  while (run.count < most && from + run.count < end && targets[from + run.count] >= 0) ++run.count;
  return run;
}

}  // namespace pumice
