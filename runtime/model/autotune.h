// Autotune: measures, for the shapes that a model's steps have, which candidate of each kernel is fastest on the
// device.
//
// The weights are random, in the model's types and shapes; the reference is computed from the same blocks by
// format/dequantize, which shares nothing with the shaders.
#pragma once

#include <functional>
#include <map>

#include "format/device_layout.h"
#include "kernels/tuner.h"

namespace pumice {

struct AutotuneOptions {
  double budget_seconds = 2;            // compiling and measuring; what is not reached keeps the kernel's choice
  std::function<bool(float)> progress;  // the fraction done; true cancels
};

struct AutotuneSummary {
  uint32_t measured = 0, known = 0, left = 0;  // left: beyond the budget, or of kernels that are not tuned
  uint32_t changed = 0;                        // measured, and another candidate than the choice won
  uint32_t excluded = 0;                       // candidates that do not compile, are wrong or less accurate
};

// The budget of a device: seconds for GPUs; software drivers compile and compute more slowly.
double autotune_budget(const vk::DeviceCaps& caps);

// Fills kernels.tuning(). choices: as listed by a RecordList; those of one row (decode) come first, then the largest.
// Cancelling and the loss of the device are errors; what was measured until then stays in the table.
Result<AutotuneSummary> autotune(Kernels& kernels, const std::map<TuningKey, uint32_t>& choices,
                                 const AutotuneOptions& options);

// Random blocks of a type whose values are of sane size; the same for the same seed. For tests.
std::vector<std::byte> tuning_blocks(WeightType type, size_t values, uint32_t seed);

}  // namespace pumice
