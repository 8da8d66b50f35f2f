// Measures the candidates of one tuned choice on the device. A candidate may only win when its output agrees with a
// reference that the caller computed without the device, so a driver's wrong code is never chosen, and when it is about
// as accurate as the kernel's own choice, so that tuning changes speed alone.
#pragma once

#include <functional>
#include <span>

#include "kernels/kernels.h"

namespace pumice {

struct TuningTask {
  const char* name = "";  // for the log: "matvec q4_0 576 x 1536, n 1"
  uint32_t count = 1;     // candidates; the choice is the first
  // Records one operation with the candidate that the recorder names. round: the turn, so that turns can use copies of
  // the weights and find no cache warmer than a model would.
  std::function<void(Recorder, uint32_t round)> record;
  const vk::Buffer* output = nullptr;  // all floats of it are checked
  // The value that float i of the output must have (NaN: any), within relative_error of all of them (root of the mean
  // square of the differences over that of the values).
  std::function<float(size_t i)> expected;
  double relative_error = 1e-3;
};

struct TunerOptions {
  double round_seconds = 0.002;  // of one candidate, repeated operations in one submission
  uint32_t rounds = 5;           // the candidates take turns; each one's best round counts
  double margin = 0.03;          // a candidate must be faster than the choice by this part
};

// The entry to put into the table. Candidates that cannot be made or compute something else are excluded, and logged.
// When all are, the entry keeps the choice. `known`: what an earlier run excluded is not tried again.
// lost: set instead of an error when the device was lost; the entry excludes the candidate that did it.
struct TunerResult {
  TuningEntry entry;
  std::optional<Error> lost;
};
Result<TunerResult> measure_candidates(Kernels& kernels, const TuningTask& task, const TunerOptions& options,
                                       uint64_t known_excluded = 0);

}  // namespace pumice
