// Sweep: all points of the scenario, in worker processes that are watched, and a table of what came of them.
#pragma once

#include <cstdint>
#include <string>

namespace pumice::faults {

struct SweepOptions {
  std::string program, model, folder;  // this program; a GGUF file; for scratch files
  uint64_t seed = 1;                   // of the order, and of the sample of allocations
  uint64_t slice = 0, slices = 1;      // of the order, this part alone
  double minutes = 0;                  // no point is begun later; 0: no limit
  size_t sample = 1000;                // host allocations that fail by their number
  unsigned jobs = 2;
  std::string only;    // points that contain this
  std::string state;   // a file that keeps what is done, to go on from; empty: none
  bool again = false;  // run what failed before once more
};

// 0: nothing crashed, hung, leaked or said something wrong; 77: there is no device.
int run_sweep(const SweepOptions& options);

// The scenario itself crashes, hangs, leaks, … 0: each was noticed.
int run_self_test(const SweepOptions& options);

}  // namespace pumice::faults
