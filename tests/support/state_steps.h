// Rows of steps for kernels that have a state of each sequence.
#pragma once

#include <vector>

#include "shared/step_params.h"

namespace pumice::test {

inline StepRow state_row(uint32_t slot, uint32_t position, bool live = true) {
  return {.position = position, .slot = slot, .live = live ? 1u : 0u};
}

// `count` tokens of a sequence.
inline std::vector<StepRow> state_slice(uint32_t slot, uint32_t first, uint32_t count) {
  std::vector<StepRow> steps;
  for (uint32_t i = 0; i < count; ++i) steps.push_back(state_row(slot, first + i));
  return steps;
}

}  // namespace pumice::test
