// CSV and Markdown.
#include <fmt/format.h>

#include <algorithm>

#include "bench/report/render.h"

namespace pumice_bench {

namespace {

std::string csv_field(const std::string& text) {
  const std::string clean = clean_text(text);
  if (clean.find_first_of(",\"") == std::string::npos) return clean;
  std::string quoted = "\"";
  for (const char c : clean) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string csv_optional(const std::optional<double>& value) { return value ? fmt::format("{:.6g}", *value) : ""; }

std::string tasks_csv(const Report& report) {
  std::string csv =
      "model,file,weights,device,driver,verification,status,task,input,size,cache,seconds,least,most,samples,version,"
      "time\r\n";
  for (const TaskTest& test : report.tasks)
    for (const bool found : {false, true}) {
      const std::vector<double>& samples = found ? test.found : test.computed;
      const auto [least, most] = std::minmax_element(samples.begin(), samples.end());
      csv +=
          fmt::format("{},{},{},{},{},{},{},", csv_field(report.model.name), csv_field(report.model.file),
                      csv_field(report.model.weights), csv_field(report.device.name), csv_field(report.device.driver),
                      verified_name(report.verification.state), status_name(report.status));
      csv += fmt::format("{},{},{},{},{:.6g},{:.6g},{:.6g},{},{},{}\r\n", test.task, csv_field(test.input), test.size,
                         found ? "found" : "computed", found ? test.found_seconds() : test.computed_seconds(), *least,
                         *most, samples.size(), csv_field(report.version), csv_field(report.time));
    }
  return csv;
}

// A cell of a Markdown table: what would end it or be taken for HTML is escaped.
std::string cell(const std::string& text) {
  std::string escaped;
  for (const char c : clean_text(text)) {
    if (c == '|' || c == '\\' || c == '<' || c == '*' || c == '_' || c == '`') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

}  // namespace

std::string render_csv(const Report& report) {
  if (!report.tasks.empty()) return tasks_csv(report);
  std::string csv =
      "model,file,weights,device,driver,verification,status,test,tokens,depth,batch,kv_cache,tokens_per_second,least,"
      "most,samples,host_us_per_token,ttft_ms,gap_ms_p50,gap_ms_p95,watts,tokens_per_joule,kv_type,record,version,"
      "time\r\n";
  for (const Test& test : report.tests) {
    const auto [least, most] = std::minmax_element(test.samples.begin(), test.samples.end());
    csv += fmt::format("{},{},{},{},{},{},{},", csv_field(report.model.name), csv_field(report.model.file),
                       csv_field(report.model.weights), csv_field(report.device.name), csv_field(report.device.driver),
                       verified_name(report.verification.state), status_name(report.status));
    csv += fmt::format("{},{},{},{},{},{:.6g},{:.6g},{:.6g},{},{:.6g},{:.6g},", test.name(), test.tokens, test.depth,
                       test.batch, test.kv_cache ? "on" : "off", test.rate(), *least, *most, test.samples.size(),
                       test.host_us_per_token, test.ttft_ms);
    csv += fmt::format("{},{},{},{},{},{},{},{}\r\n", csv_optional(test.gap_ms_p50), csv_optional(test.gap_ms_p95),
                       csv_optional(test.watts), csv_optional(test.tokens_per_joule), report.settings.kv_type,
                       report.settings.record, csv_field(report.version), csv_field(report.time));
  }
  return csv;
}

std::string render_markdown(const Report& report) {
  std::string text =
      fmt::format("### {}\n\n**{}**; driver {}; Pumice {}, {}\n", cell(title_of(report)), standing_of(report),
                  cell(report.device.driver), cell(report.version), cell(report.time));
  for (const Check& check : report.verification.checks) {
    if (!check.passed) text += fmt::format("\n- {}: {}\n", cell(check.name), cell(check.detail));
  }
  if (!report.tests.empty()) {
    text +=
        "\n| test | tokens | depth | batch | KV cache | tokens/s | least | most | host µs/token | TTFT ms | p50 ms | "
        "p95 ms | W | tokens/J |\n|---|--:|--:|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n";
  }
  for (const Test& test : report.tests) {
    const auto [least, most] = std::minmax_element(test.samples.begin(), test.samples.end());
    text += fmt::format("| {} | {} | {} | {} | {} | **{}** | {} | {} | {:.1f} | {} | {} | {} | {} | {} |\n",
                        test.name(), test.tokens, test.depth, test.batch, test.kv_cache ? "on" : "off",
                        format_number(test.rate()), format_number(*least), format_number(*most), test.host_us_per_token,
                        format_number(test.ttft_ms), format_optional(test.gap_ms_p50), format_optional(test.gap_ms_p95),
                        format_optional(test.watts), format_optional(test.tokens_per_joule));
  }
  if (!report.tasks.empty())
    text += "\n| task | input | computed ms | found ms | times sooner |\n|---|---|--:|--:|--:|\n";
  for (const TaskTest& test : report.tasks)
    text += fmt::format("| {} | {} | {} | {} | **{}** |\n", test.task, cell(test.input),
                        format_number(1000 * test.computed_seconds()), format_number(1000 * test.found_seconds()),
                        format_number(test.times_sooner()));
  if (report.start) {
    text += fmt::format("\nProgram start to first text: {:.0f} ms cold, {:.0f} ms warm.\n", report.start->cold_ms,
                        report.start->warm_ms);
  }
  if (!report.kernels.empty())
    text += "\n| phase | kernel | calls | µs | GB/s | GFLOP/s | of the roof |\n|---|---|--:|--:|--:|--:|---|\n";
  for (const Kernel& kernel : report.kernels) {
    const KernelRating rating = rate_kernel(kernel, report.roofs);
    text += fmt::format("| {} | {} | {} | {:.1f} | {:.2f} | {:.2f} | {} |\n", kernel.prefill ? "prefill" : "decode",
                        cell(kernel.name), kernel.calls, kernel.microseconds, 1e-9 * rating.bytes_per_second,
                        1e-9 * rating.flops_per_second, percent_of_roof(rating));
  }
  return text;
}

}  // namespace pumice_bench
