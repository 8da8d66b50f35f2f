// A Report with every part filled in, the same each time.
#pragma once

#include "bench/report/report.h"

namespace pumice_bench {

// A flat table of its members.
inline Report fixed_report() {
  Report report;
  report.version = "0.1.0";
  report.time = "2025-01-31T12:00:00Z";
  report.verification = {
      .state = Verified::kVerified,
      .checks = {
          {.name = "golden text of the bundled model", .passed = true, .detail = "48 of 48 tokens as expected"}}};
  report.host = {.processor = "A Processor", .system = "Linux 6.1 x86_64", .cores = 2};
  report.device = {.name = "A GPU <\"fast\">, really",
                   .driver = "radv Mesa | 26",
                   .type = "discrete",
                   .vendor_id = 0x1002,
                   .device_id = 0x744c,
                   .subgroup_size = 64,
                   .memory_bytes = 24ull << 30};
  report.model = {.name = "a model",
                  .file = "model.gguf",
                  .architecture = "llama",
                  .weights = "Q4_K 43, F32 13",
                  .parameters = 5'770'000,
                  .file_bytes = 3'700'000,
                  .layers = 6,
                  .context_length = 512};
  report.settings = {.kv_type = "f16", .record = "replay", .repetitions = 3, .steps_ahead = 0, .prefill_slice = 0};
  report.tests = {
      {.prefill = true, .tokens = 128, .samples = {1000, 1100, 900}, .host_us_per_token = 0, .ttft_ms = 128},
      {.prefill = false,
       .tokens = 32,
       .samples = {50.5, 49.5, 51.5},
       .host_us_per_token = 3.5,
       .ttft_ms = 20,
       .gap_ms_p50 = 19.8,
       .gap_ms_p95 = 22.25,
       .watts = 250,
       .tokens_per_joule = 0.202},
      {.prefill = false, .tokens = 32, .batch = 4, .samples = {160}, .host_us_per_token = 2, .ttft_ms = 80},
      {.prefill = false, .tokens = 4, .depth = 64, .kv_cache = false, .samples = {1.5}, .ttft_ms = 700}};
  report.start = Start{.cold_ms = 2300, .warm_ms = 230};
  report.memory = Memory{.weights_bytes = 3'700'000,
                         .kv_bytes = 480 << 10,
                         .workspace_bytes = 3 << 19,
                         .host_bytes = 100 << 20,
                         .host_peak_bytes = 120 << 20};
  report.power_source = "amdgpu power1_average";
  report.roofs = Roofs{.read_bytes = 1e12,
                       .copy_bytes = 8e11,
                       .f32_flops = 5e13,
                       .f16_flops = 1e14,
                       .int8_ops = 2e14,
                       .matrix_flops = 1.2e14};
  report.kernels = {
      {.prefill = true, .name = "matmul.coopmat.q4_k", .calls = 42, .microseconds = 1000, .bytes = 4e6, .flops = 6e10},
      {.prefill = false,
       .name = "matvec.subgroup.q4_k",
       .calls = 1000,
       .microseconds = 2000,
       .bytes = 1e9,
       .flops = 4e9}};
  return report;
}

// Of a task other than generation.
inline Report task_report() {
  Report report = fixed_report();
  report.tests.clear();
  report.kernels.clear();
  report.start.reset();
  report.tasks = {{.task = "embed",
                   .input = "a text of 128 words",
                   .size = 128,
                   .computed = {0.5, 0.5, 0.5},
                   .found = {0.01, 0.02, 0.01}}};
  return report;
}

}  // namespace pumice_bench
