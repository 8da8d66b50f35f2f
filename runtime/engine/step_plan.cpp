#include "engine/step_plan.h"

#include <algorithm>

namespace pumice {

SlicePlan plan_slice(uint32_t computed, uint32_t total, uint32_t slice) {
  if (computed >= total) return {computed, 0, true};
  const uint32_t boundary = computed / slice * slice + slice;
  const uint32_t end = std::min(total, boundary);
  return {computed, end - computed, end == total};
}

SlicePlan keep_pictures_whole(const SlicePlan& plan, SequencePictures pictures, uint32_t total) {
  const uint32_t end = plan.first + plan.count;
  const SequencePicture* cut = plan.count > 0 && end < total ? picture_at(pictures, end) : nullptr;
  if (!cut || cut->first == end) return plan;
  const uint32_t edge = cut->first > plan.first ? cut->first : cut->end();
  return {plan.first, edge - plan.first, edge == total};
}

void fill_rows(const SlicePlan& plan, std::span<const int32_t> tokens, uint32_t slot, std::span<StepRow> rows,
               SequencePictures pictures) {
  for (uint32_t i = 0; i < plan.count; ++i) {
    const uint32_t position = plan.first + i;
    const SequencePicture* picture = picture_at(pictures, position);
    rows[i] = {.token = static_cast<uint32_t>(tokens[position]), .position = position, .slot = slot, .live = 1};
    rows[i].turn = turn_behind(pictures, picture ? picture->first : position);
    if (!picture || !picture->content->turns_by_grid) continue;
    // All rows of a picture are where its first one is, and then turn by the grid.
    const uint32_t row = position - picture->first, columns = picture->content->grid.columns;
    rows[i].turn -= row;
    rows[i].grid = row / columns | row % columns << 16;
  }
}

uint32_t adapt_slice(uint32_t slice, uint32_t computed_tokens, double took_ms, double budget_ms, uint32_t highest) {
  if (took_ms > budget_ms && computed_tokens > slice / 2) return std::max(kPageTokens, slice / 2);
  // Doubling must not overshoot: time grows a little faster than the number of tokens.
  if (computed_tokens == slice && took_ms < 0.4 * budget_ms) return std::min(highest, slice * 2);
  return slice;
}

}  // namespace pumice
