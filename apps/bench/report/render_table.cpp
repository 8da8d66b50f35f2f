#include <fmt/format.h>

#include <algorithm>

#include "bench/report/render.h"

namespace pumice_bench {

namespace {

std::string tests_table(const Report& report) {
  std::string table =
      fmt::format("{:<10}{:>7}{:>8}{:>7}{:>12}{:>10}{:>10}{:>10}{:>10}{:>9}{:>9}", "test", "tokens", "depth", "batch",
                  "tokens/s", "least", "most", "host us", "TTFT ms", "p50 ms", "p95 ms");
  if (!report.power_source.empty()) table += fmt::format("{:>8}{:>10}", "watts", "tokens/J");
  table += "\n";
  for (const Test& test : report.tests) {
    const auto [least, most] = std::minmax_element(test.samples.begin(), test.samples.end());
    table += fmt::format("{:<10}{:>7}{:>8}{:>7}{:>12}{:>10}{:>10}{:>10.1f}{:>10}{:>9}{:>9}", test.name(), test.tokens,
                         test.depth, test.batch, format_number(test.rate()), format_number(*least),
                         format_number(*most), test.host_us_per_token, format_number(test.ttft_ms),
                         format_optional(test.gap_ms_p50), format_optional(test.gap_ms_p95));
    if (!report.power_source.empty())
      table += fmt::format("{:>8}{:>10}", format_optional(test.watts), format_optional(test.tokens_per_joule));
    table += test.kv_cache ? "\n" : "  without KV cache\n";
  }
  return table;
}

std::string tasks_table(const Report& report) {
  std::string table = fmt::format("{:<12}{:>12}{:>12}{:>9}  {}\n", "task", "computed ms", "found ms", "times", "input");
  for (const TaskTest& test : report.tasks)
    table += fmt::format("{:<12}{:>12}{:>12}{:>9}  {}\n", test.task, format_number(1000 * test.computed_seconds()),
                         format_number(1000 * test.found_seconds()), format_number(test.times_sooner()), test.input);
  return table;
}

std::string kernels_table(const Report& report) {
  double totals[2] = {0, 0};
  for (const Kernel& kernel : report.kernels) totals[kernel.prefill ? 1 : 0] += kernel.microseconds;
  std::string table = fmt::format("\n{:<9}{:<32}{:>8}{:>12}{:>8}{:>10}{:>10}  {}\n", "phase", "kernel", "calls", "us",
                                  "share", "GB/s", "GFLOP/s", "of the roof");
  for (const Kernel& kernel : report.kernels) {
    const KernelRating rating = rate_kernel(kernel, report.roofs);
    const double total = totals[kernel.prefill ? 1 : 0];
    table += fmt::format("{:<9}{:<32}{:>8}{:>12.1f}{:>7.1f}%{:>10.2f}{:>10.2f}  {}\n",
                         kernel.prefill ? "prefill" : "decode", clean_text(kernel.name), kernel.calls,
                         kernel.microseconds, total > 0 ? 100 * kernel.microseconds / total : 0,
                         1e-9 * rating.bytes_per_second, 1e-9 * rating.flops_per_second, percent_of_roof(rating));
  }
  return table;
}

std::string facts(const Report& report) {
  std::string text;
  const auto row = [&text](const char* label, const std::string& value) {
    text += fmt::format("{:<10}{}\n", label, value);
  };
  if (report.start) {
    row("start", fmt::format("{:.0f} ms to the first text with empty pipeline caches, {:.0f} ms with full ones",
                             report.start->cold_ms, report.start->warm_ms));
  }
  if (report.memory) {
    const Memory& memory = *report.memory;
    row("memory", fmt::format("weights {}, KV {}, workspace {}; host {} (peak {})",
                              format_size(static_cast<double>(memory.weights_bytes)),
                              format_size(static_cast<double>(memory.kv_bytes)),
                              format_size(static_cast<double>(memory.workspace_bytes)),
                              format_size(static_cast<double>(memory.host_bytes)),
                              format_size(static_cast<double>(memory.host_peak_bytes))));
  }
  if (report.roofs) {
    const Roofs& roofs = *report.roofs;
    row("roofs", fmt::format("read {}, copy {}, f32 {}, f16 {}, int8 {}, matrix {}", format_rate(roofs.read_bytes, "B"),
                             format_rate(roofs.copy_bytes, "B"), format_rate(roofs.f32_flops, "FLOP"),
                             format_rate(roofs.f16_flops, "FLOP"), format_rate(roofs.int8_ops, "OP"),
                             format_rate(roofs.matrix_flops, "FLOP")));
  }
  return text.empty() ? text : "\n" + text;
}

}  // namespace

std::string render_table(const Report& report) {
  std::string text =
      fmt::format("{} ({}): {}\n", title_of(report), clean_text(report.device.driver), standing_of(report));
  for (const Check& check : report.verification.checks) {
    if (!check.passed) text += fmt::format("  {}: {}\n", check.name, clean_text(check.detail));
  }
  if (!report.tests.empty()) text += tests_table(report);
  if (!report.tasks.empty()) text += tasks_table(report);
  text += facts(report);
  if (!report.kernels.empty()) text += kernels_table(report);
  return text;
}

}  // namespace pumice_bench
