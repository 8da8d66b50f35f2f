#include <fmt/format.h>

#include <algorithm>

#include "bench/report/charts.h"
#include "bench/report/render.h"

namespace pumice_bench {

namespace {

constexpr const char* kStyle = R"(
:root{--ink:#1c2024;--soft:#5d6772;--line:#d9dee3;--paper:#fff;--accent:#2f6f9f;--second:#c2703d;--good:#1f7a46;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ec;--soft:#9aa4ae;--line:#363d45;--paper:#15181b;--accent:#6db1e0;--second:#e0a072;--good:#6fcf97;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2rem 1.25rem;max-width:66rem;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
h1{margin:0;font-size:1.6rem;line-height:1.25}
h2{margin:2.25rem 0 .5rem;font-size:1.1rem}
p{margin:.25rem 0;color:var(--soft)}
.state{display:inline-block;margin:.75rem 0 .25rem;padding:.15rem .7rem;border:1px solid;border-radius:1rem;font-weight:600}
.good{color:var(--good)}.bad{color:var(--bad)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.8rem;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .45rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th{color:var(--soft);font-weight:600}
th.l,td.l{text-align:left}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:.5rem 0;font-size:.9rem}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
svg{display:block;width:100%;height:auto;margin:.25rem 0}
svg text{font:13px system-ui,sans-serif;fill:var(--ink)}
svg .tick{font-size:12px;fill:var(--soft)}
svg .value{font-weight:600}
.bar{fill:var(--accent)}.bar.off{fill:var(--second)}
.whisker{stroke:var(--ink);stroke-width:1.5}
.grid{stroke:var(--line)}
.roof{stroke:var(--ink);stroke-width:2}
.curve{fill:none;stroke:var(--accent);stroke-width:2}
.dot{fill:var(--accent)}.dot.prefill{fill:var(--second)}
.key::before{content:"";display:inline-block;width:.7em;height:.7em;margin-right:.35em;border-radius:50%;background:var(--accent)}
.key.prefill::before{background:var(--second)}
@media print{:root{--ink:#000;--soft:#444;--line:#bbb;--paper:#fff;--accent:#2f6f9f;--second:#c2703d;--good:#1f7a46;--bad:#b3261e}
body{max-width:none;padding:0;font-size:11pt;-webkit-print-color-adjust:exact;print-color-adjust:exact}
.scroll{overflow:visible}table{font-size:8pt}th,td{padding:.15rem .35rem}
h2{break-after:avoid}svg,tr,dl{break-inside:avoid}}
)";

class Table {
 public:
  // Columns whose name begins with '<' are aligned to the left.
  explicit Table(const std::vector<std::string>& columns) {
    html_ = "<div class=\"scroll\"><table><thead><tr>";
    for (const std::string& column : columns) {
      left_.push_back(column[0] == '<');
      html_ += fmt::format("<th{}>{}</th>", left_.back() ? " class=\"l\"" : "",
                           escape_html(left_.back() ? column.substr(1) : column));
    }
    html_ += "</tr></thead><tbody>\n";
  }
  void row(const std::vector<std::string>& cells) {
    html_ += "<tr>";
    for (std::size_t i = 0; i < cells.size(); ++i)
      html_ += fmt::format("<td{}>{}</td>", left_[i] ? " class=\"l\"" : "", escape_html(cells[i]));
    html_ += "</tr>\n";
  }
  std::string html() const { return html_ + "</tbody></table></div>\n"; }

 private:
  std::string html_;
  std::vector<bool> left_;
};

std::string fact(const char* label, const std::string& value) {
  return value.empty() ? "" : fmt::format("<dt>{}</dt><dd>{}</dd>\n", label, escape_html(value));
}

std::string tests_section(const Report& report) {
  if (report.tests.empty()) return "";
  std::string html;
  if (const std::string chart = rate_chart(report, false); !chart.empty())
    html += "<h2>Decode, tokens per second</h2>\n" + chart;
  if (const std::string chart = rate_chart(report, true); !chart.empty())
    html += "<h2>Prefill, tokens per second</h2>\n" + chart;
  if (const std::string chart = batch_chart(report); !chart.empty()) html += "<h2>Sequences at once</h2>\n" + chart;
  Table table({"<test", "tokens", "depth", "batch", "<KV cache", "tokens/s", "least", "most", "host µs/token",
               "TTFT ms", "p50 ms", "p95 ms", "W", "tokens/J"});
  for (const Test& test : report.tests) {
    const auto [least, most] = std::minmax_element(test.samples.begin(), test.samples.end());
    table.row({test.name(), fmt::format("{}", test.tokens), fmt::format("{}", test.depth),
               fmt::format("{}", test.batch), test.kv_cache ? "on" : "off", format_number(test.rate()),
               format_number(*least), format_number(*most), fmt::format("{:.1f}", test.host_us_per_token),
               format_number(test.ttft_ms), format_optional(test.gap_ms_p50), format_optional(test.gap_ms_p95),
               format_optional(test.watts), format_optional(test.tokens_per_joule)});
  }
  return html + "<h2>All tests</h2>\n" + table.html() +
         "<p>Median of the repetitions. TTFT: submit to first token. p50, p95: between tokens.</p>\n";
}

std::string tasks_section(const Report& report) {
  if (report.tasks.empty()) return "";
  Table table({"<task", "<input", "computed ms", "least", "most", "found ms", "least", "most", "times sooner"});
  for (const TaskTest& test : report.tasks) {
    const auto [least, most] = std::minmax_element(test.computed.begin(), test.computed.end());
    const auto [found_least, found_most] = std::minmax_element(test.found.begin(), test.found.end());
    table.row({test.task, test.input, format_number(1000 * test.computed_seconds()), format_number(1000 * *least),
               format_number(1000 * *most), format_number(1000 * test.found_seconds()),
               format_number(1000 * *found_least), format_number(1000 * *found_most),
               format_number(test.times_sooner())});
  }
  return "<h2>Answers to new inputs, and to the same again</h2>\n" + table.html() +
         "<p>Median of the repetitions. Found: what the input has cost before is in the cache.</p>\n";
}

std::string kernels_section(const Report& report) {
  if (report.kernels.empty()) return "";
  std::string html;
  if (const std::string chart = roofline_chart(report); !chart.empty()) {
    html += "<h2>Kernels under the device's measured roofs</h2>\n" + chart +
            "<p><span class=\"key\">decode</span> &nbsp; <span class=\"key prefill\">prefill</span></p>\n";
  }
  Table table({"<phase", "<kernel", "calls", "µs", "GB/s", "GFLOP/s", "<of the roof"});
  for (const Kernel& kernel : report.kernels) {
    const KernelRating rating = rate_kernel(kernel, report.roofs);
    table.row({kernel.prefill ? "prefill" : "decode", kernel.name, fmt::format("{}", kernel.calls),
               fmt::format("{:.1f}", kernel.microseconds), fmt::format("{:.2f}", 1e-9 * rating.bytes_per_second),
               fmt::format("{:.2f}", 1e-9 * rating.flops_per_second), percent_of_roof(rating)});
  }
  return html + "<h2>Time of each kernel</h2>\n" + table.html();
}

std::string facts_section(const Report& report) {
  std::string html = "<h2>Measured on</h2>\n<dl>\n";
  html += fact("device", fmt::format("{} ({}, {})", report.device.name, report.device.type,
                                     format_size(static_cast<double>(report.device.memory_bytes))));
  html += fact("driver", report.device.driver);
  html += fact("host", fmt::format("{}, {} cores, {}", report.host.processor, report.host.cores, report.host.system));
  html += fact("model", fmt::format("{}, {:.3g} million parameters, {}", report.model.file,
                                    1e-6 * static_cast<double>(report.model.parameters), report.model.weights));
  html += fact("settings", fmt::format("KV {}, {}, {} repetitions", report.settings.kv_type, report.settings.record,
                                       report.settings.repetitions));
  if (report.memory) {
    const Memory& memory = *report.memory;
    html += fact("device memory", fmt::format("weights {}, KV cache {}, workspace {}",
                                              format_size(static_cast<double>(memory.weights_bytes)),
                                              format_size(static_cast<double>(memory.kv_bytes)),
                                              format_size(static_cast<double>(memory.workspace_bytes))));
    html += fact("host memory", fmt::format("{}, at most {}", format_size(static_cast<double>(memory.host_bytes)),
                                            format_size(static_cast<double>(memory.host_peak_bytes))));
  }
  if (report.start) {
    html += fact("start to first text", fmt::format("{:.0f} ms with empty pipeline caches, {:.0f} ms with full ones",
                                                    report.start->cold_ms, report.start->warm_ms));
  }
  if (report.roofs) {
    const Roofs& roofs = *report.roofs;
    html += fact("memory roofs", fmt::format("read {}, copy {}", format_rate(roofs.read_bytes, "B"),
                                             format_rate(roofs.copy_bytes, "B")));
    html += fact("arithmetic roofs",
                 fmt::format("f32 {}, f16 {}, int8 dot {}, matrix units {}", format_rate(roofs.f32_flops, "FLOP"),
                             format_rate(roofs.f16_flops, "FLOP"), format_rate(roofs.int8_ops, "OP"),
                             format_rate(roofs.matrix_flops, "FLOP")));
  }
  html += fact("power", report.power_source.empty() ? "the system does not tell" : report.power_source);
  html += fact("program", fmt::format("Pumice {}, {}", report.version, report.time));
  for (const Check& check : report.verification.checks)
    html += fact("check", fmt::format("{}: {} ({})", check.name, check.passed ? "passed" : "FAILED", check.detail));
  return html + "</dl>\n";
}

}  // namespace

std::string render_html(const Report& report) {
  const bool good = report.verification.state == Verified::kVerified && report.status == Status::kComplete;
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n"
      "<style>{}</style>\n</head>\n<body>\n<main>\n<h1>{}</h1>\n<span class=\"state {}\">{}</span>\n",
      escape_html(title_of(report)), kStyle, escape_html(title_of(report)), good ? "good" : "bad",
      escape_html(standing_of(report)));
  html += tests_section(report) + tasks_section(report) + kernels_section(report) + facts_section(report);
  return html + "</main>\n</body>\n</html>\n";
}

}  // namespace pumice_bench
