// What the parts of `pumice bench` share: the command line's settings, and what is open while it measures.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/report/report.h"
#include "bench/system/power.h"
#include "cli/session.h"

namespace pumice_bench {

struct BenchFlags {
  std::string model, task = "generate";
  pumice_cli::DeviceFlags device;
  pumice_cli::ContextFlags context;
  std::string prefill = "128", decode = "32", depth = "0", batch;
  std::string parts = "start,cache,kernels";
  std::uint32_t repetitions = 5;
  bool full = false, no_verify = false;
  bool json = false, csv = false, markdown = false;
  std::string html;
};

// What is to be measured, from the flags.
struct Plan {
  std::vector<std::uint32_t> prefill, decode, depths, batches;
  bool start = false, cache = false, kernels = false;
  std::uint32_t repetitions = 0;

  std::uint32_t longest() const;  // tokens of the longest test without its depth
};

// Throws Failure(kExitUsage) with the option that is wrong. context_length: the model's, which limits the depths of
// --full; 0: unknown.
Plan plan_of(const BenchFlags& flags, std::uint32_t context_length);

struct Bench {
  const BenchFlags& flags;
  const pumice_cli::Session& session;
  Plan plan;
  PowerMeter* meter;  // nullptr: the system tells no power

  // A progress line, unless -q.
  void progress(const std::string& text) const;
};

// Fills report->tests, memory, start and kernels, in that order, each as soon as it is known, so that an interrupt
// leaves what there is. Throws Failure and pumice::Error.
void measure(const Bench& bench, Report* report);

// Greedy texts of the bundled model and of the measured one against what they must be; see README.md.
Verification verify(const Bench& bench);

// Another task than generation: fills report->tasks and verifies what it measures. Throws as measure().
void measure_task(const Bench& bench, Report* report);

// The program's own start in child processes with caches of their own. Empty when a child fails; says so.
std::optional<Start> measure_start(const Bench& bench);

}  // namespace pumice_bench
