// Report: everything that one run of `pumice bench` found out, as plain data. Measuring fills it, renderers read it;
// neither knows the other. Figures that the system does not tell are empty, never zero.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pumice_bench {

enum class Status {
  kComplete,
  kInterrupted,  // Ctrl-C: what was measured until then
  kWrong,        // the device computes wrong results: nothing was measured
};
const char* status_name(Status status);  // "complete", "interrupted", "wrong results"

enum class Verified { kVerified, kFailed, kUnverified };
const char* verified_name(Verified verified);  // "verified", "failed", "unverified"

struct Check {
  std::string name;  // "golden text"
  bool passed = false;
  std::string detail;  // "48 of 48 tokens"
};

struct Verification {
  Verified state = Verified::kUnverified;
  std::vector<Check> checks;
};

struct Host {
  std::string processor, system;  // system: name and release of the operating system's kernel
  std::uint32_t cores = 0;
};

struct DeviceFacts {
  std::string name, driver, type;  // type: "discrete", "integrated", "virtual", "cpu", "other"
  std::uint32_t vendor_id = 0, device_id = 0, subgroup_size = 0;
  std::uint64_t memory_bytes = 0;
};

struct ModelFacts {
  std::string name, file, architecture, weights;  // file: without its folders
  std::uint64_t parameters = 0, file_bytes = 0;
  std::uint32_t layers = 0, context_length = 0;
};

struct Settings {
  std::string kv_type, record;
  std::uint32_t repetitions = 0, steps_ahead = 0, prefill_slice = 0;  // 0: chosen by the device
};

// One measured workload. Rates are tokens a second over all sequences, one sample a repetition.
struct Test {
  bool prefill = false;
  std::uint32_t tokens = 0;  // prompt tokens (prefill) or generated tokens of each sequence (decode)
  std::uint32_t depth = 0;   // tokens that were in the context before them
  std::uint32_t batch = 1;   // sequences at once
  bool kv_cache = true;
  std::vector<double> samples;                   // at least one
  double host_us_per_token = 0;                  // host CPU time inside the library
  double ttft_ms = 0;                            // submit to first token, with the model loaded; median
  std::optional<double> gap_ms_p50, gap_ms_p95;  // between tokens of one sequence as the caller sees them
  std::optional<double> watts, tokens_per_joule;

  double rate() const;  // median of the samples
  const char* name() const { return prefill ? "prefill" : "decode"; }
};

// A task other than generation: seconds from an input to its answer, of inputs that are new and of the same ones again.
struct TaskTest {
  std::string task, input;              // "embed", "a text of 128 words"
  std::uint32_t size = 0;               // of the input: words, seconds of sound, pixels of a side
  std::vector<double> computed, found;  // as many of both, at least one

  double computed_seconds() const;  // medians
  double found_seconds() const;
  double times_sooner() const { return computed_seconds() / found_seconds(); }
};

// Start of the program to the first byte of text, median: with empty pipeline caches (of ours and of the driver), and
// with the caches that such a start left behind.
struct Start {
  double cold_ms = 0, warm_ms = 0;
};

struct Memory {
  std::uint64_t weights_bytes = 0, kv_bytes = 0, workspace_bytes = 0;  // on the device; of the largest context
  std::uint64_t host_bytes = 0, host_peak_bytes = 0;                   // resident; 0: not told
};

// What the device reaches at best, a second; 0: not offered.
struct Roofs {
  double read_bytes = 0, copy_bytes = 0, f32_flops = 0, f16_flops = 0, int8_ops = 0, matrix_flops = 0;
};

struct Kernel {
  bool prefill = false;
  std::string name;
  std::uint64_t calls = 0;
  double microseconds = 0, bytes = 0, flops = 0;  // over all calls
};

struct Report {
  Status status = Status::kComplete;
  std::string version, time;  // of the library; UTC, ISO 8601
  Verification verification;
  Host host;
  DeviceFacts device;
  ModelFacts model;
  Settings settings;
  std::vector<Test> tests;
  std::vector<TaskTest> tasks;
  std::optional<Start> start;
  std::optional<Memory> memory;
  std::string power_source;  // empty: the system tells no power
  std::optional<Roofs> roofs;
  std::vector<Kernel> kernels;
};

// A kernel against the device's roofs (the roofline model, Williams et al. 2009): the bound is what the kernel's own
// arithmetic intensity would run into first.
struct KernelRating {
  double bytes_per_second = 0, flops_per_second = 0;
  std::string bound;              // "bandwidth" or "compute"; empty without roofs or without a cost
  std::optional<double> percent;  // of that roof
};
KernelRating rate_kernel(const Kernel& kernel, const std::optional<Roofs>& roofs);

// The arithmetic roof that a kernel of this name works under: of matrix units, of integer dot products, or of f32.
double compute_roof(const std::string& kernel, const Roofs& roofs);

}  // namespace pumice_bench
