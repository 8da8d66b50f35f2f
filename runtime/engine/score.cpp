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

TargetRun next_target_run(std::span<const int32_t> targets, size_t from, size_t end, size_t most) {
  while (from < end && targets[from] < 0) ++from;
  TargetRun run{from, 0};
  while (run.count < most && from + run.count < end && targets[from + run.count] >= 0) ++run.count;
  return run;
}

}  // namespace pumice
