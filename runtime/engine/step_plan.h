// step_plan: what the next step computes, as flat arrays. Pure functions on the CPU; no GPU is needed to test them.
#pragma once

#include <cstdint>
#include <span>

#include "engine/sequence_pictures.h"
#include "shared/step_params.h"

namespace pumice {

// A run of consecutive tokens of one sequence, by position.
struct SlicePlan {
  uint32_t first = 0, count = 0;
  bool last = false;  // nothing remains after it
};

// The next slice of a sequence that has `computed` of `total` tokens in the cache. Slices end at absolute multiples of
// `slice` (itself a multiple of kPageTokens), wherever they begin, so that what a row is computed from does not depend
// on how much was found in the cache.
SlicePlan plan_slice(uint32_t computed, uint32_t total, uint32_t slice);

// A slice that does not end or begin inside a picture: it ends before the one that it would cut, or behind it where
// nothing else is in it.
SlicePlan keep_pictures_whole(const SlicePlan& plan, SequencePictures pictures, uint32_t total);

// rows[i] is the token at position plan.first + i.
void fill_rows(const SlicePlan& plan, std::span<const int32_t> tokens, uint32_t slot, std::span<StepRow> rows,
               SequencePictures pictures = {});

// The slice size that keeps a submission within `budget_ms`, from what the last one took; a power-of-two multiple of
// kPageTokens up to `highest`.
uint32_t adapt_slice(uint32_t slice, uint32_t computed_tokens, double took_ms, double budget_ms, uint32_t highest);

}  // namespace pumice
