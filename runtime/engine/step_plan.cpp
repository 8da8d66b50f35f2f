#include "engine/step_plan.h"

#include <algorithm>

namespace pumice {

SlicePlan plan_slice(uint32_t computed, uint32_t total, uint32_t slice) {
  if (computed >= total) return {computed, 0, true};
  const uint32_t boundary = computed / slice * slice + slice;
  const uint32_t end = std::min(total, boundary);
  return {computed, end - computed, end == total};
}

void fill_rows(const SlicePlan& plan, std::span<const int32_t> tokens, uint32_t slot, std::span<StepRow> rows) {
  for (uint32_t i = 0; i < plan.count; ++i)
    rows[i] = {
        .token = static_cast<uint32_t>(tokens[plan.first + i]), .position = plan.first + i, .slot = slot, .live = 1};
}

uint32_t adapt_slice(uint32_t slice, uint32_t computed_tokens, double took_ms, double budget_ms, uint32_t highest) {
  if (took_ms > budget_ms && computed_tokens > slice / 2) return std::max(kPageTokens, slice / 2);
  // Doubling must not overshoot: time grows a little faster than the number of tokens.
  if (computed_tokens == slice && took_ms < 0.4 * budget_ms) return std::min(highest, slice * 2);
  return slice;
}

}  // namespace pumice
