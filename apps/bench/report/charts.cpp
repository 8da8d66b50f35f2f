#include "bench/report/charts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "bench/report/render.h"

namespace pumice_bench {

namespace {

constexpr double kWidth = 720;

std::string open_svg(double height, const std::string& label) {
  return fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n", kWidth, height,
                     escape_html(label));
}

std::string text_at(double x, double y, const char* anchor, const std::string& text, const char* style = "") {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" class=\"{}\">{}</text>\n", x, y, anchor, style,
                     escape_html(text));
}

std::string line(double x1, double y1, double x2, double y2, const char* style) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>\n", x1, y1, x2, y2,
                     style);
}

std::string label_of(const Test& test) {
  std::string label = fmt::format("{} tokens at depth {}", test.tokens, test.depth);
  if (test.batch > 1) label += fmt::format(" × {}", test.batch);
  if (!test.kv_cache) label += ", no KV cache";
  return label;
}

// A point of the roofline: operations per byte, operations per second.
struct Point {
  double intensity = 0, rate = 0;
};

// Logarithmic axes over whole decades that contain what is drawn.
class LogFrame {
 public:
  LogFrame(double left, double top, double right, double bottom)
      : left_(left), top_(top), right_(right), bottom_(bottom) {}
  void include(Point point) {
    x_low_ = std::min(x_low_, std::floor(std::log10(point.intensity)));
    x_high_ = std::max(x_high_, std::ceil(std::log10(point.intensity)));
    y_low_ = std::min(y_low_, std::floor(std::log10(point.rate)));
    y_high_ = std::max(y_high_, std::ceil(std::log10(point.rate)));
  }
  double x(double intensity) const {
    return left_ + (right_ - left_) * (std::log10(intensity) - x_low_) / std::max(1.0, x_high_ - x_low_);
  }
  double y(double rate) const {
    return bottom_ - (bottom_ - top_) * (std::log10(rate) - y_low_) / std::max(1.0, y_high_ - y_low_);
  }
  double lowest() const { return std::pow(10, x_low_); }
  double highest() const { return std::pow(10, x_high_); }
  std::string grid() const {
    std::string svg;
    for (double decade = x_low_; decade <= x_high_; ++decade) {
      const double at = x(std::pow(10, decade));
      svg += line(at, top_, at, bottom_, "grid") +
             text_at(at, bottom_ + 18, "middle", fmt::format("{:g}", std::pow(10, decade)), "tick");
    }
    for (double decade = y_low_; decade <= y_high_; ++decade) {
      const double at = y(std::pow(10, decade));
      svg += line(left_, at, right_, at, "grid") +
             text_at(left_ - 6, at + 4, "end", format_rate(std::pow(10, decade), "OP"), "tick");
    }
    return svg;
  }

 private:
  double left_, top_, right_, bottom_;
  double x_low_ = 0, x_high_ = 1, y_low_ = 300, y_high_ = -300;
};

std::vector<std::pair<const Kernel*, Point>> kernel_points(const Report& report) {
  std::vector<std::pair<const Kernel*, Point>> points;
  for (const Kernel& kernel : report.kernels) {
    if (kernel.bytes <= 0 || kernel.flops <= 0 || kernel.microseconds <= 0) continue;
    points.push_back({&kernel, {kernel.flops / kernel.bytes, 1e6 * kernel.flops / kernel.microseconds}});
  }
  return points;
}

std::string roof_line(const LogFrame& frame, const Roofs& roofs, double compute, const char* name) {
  const double ridge = compute / roofs.read_bytes;
  const double start = std::clamp(ridge, frame.lowest(), frame.highest());
  return line(frame.x(start), frame.y(compute), frame.x(frame.highest()), frame.y(compute), "roof") +
         text_at(frame.x(frame.highest()) - 4, frame.y(compute) - 5, "end",
                 fmt::format("{} {}", name, format_rate(compute, "OP")), "tick");
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char c : clean_text(text)) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string rate_chart(const Report& report, bool prefill) {
  std::vector<const Test*> tests;
  double most = 0;
  for (const Test& test : report.tests) {
    if (test.prefill != prefill) continue;
    tests.push_back(&test);
    most = std::max(most, *std::max_element(test.samples.begin(), test.samples.end()));
  }
  if (tests.empty() || most <= 0) return "";
  constexpr double kLeft = 250, kRow = 30, kRight = kWidth - 80;
  const auto x = [most](double rate) { return kLeft + (kRight - kLeft) * rate / most; };
  std::string svg = open_svg(kRow * static_cast<double>(tests.size()) + 6,
                             fmt::format("{} tokens per second", prefill ? "Prefill" : "Decode"));
  double y = 4;
  for (const Test* test : tests) {
    const auto [low, high] = std::minmax_element(test->samples.begin(), test->samples.end());
    svg += text_at(kLeft - 8, y + 16, "end", label_of(*test));
    svg += fmt::format("<rect x=\"{}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"20\" rx=\"3\" class=\"{}\"/>\n", kLeft,
                       y + 1, x(test->rate()) - kLeft, test->kv_cache ? "bar" : "bar off");
    svg += line(x(*low), y + 11, x(*high), y + 11, "whisker") + line(x(*low), y + 7, x(*low), y + 15, "whisker") +
           line(x(*high), y + 7, x(*high), y + 15, "whisker");
    svg += text_at(x(*high) + 8, y + 16, "start", format_number(test->rate()), "value");
    y += kRow;
  }
  return svg + "</svg>\n";
}

std::string batch_chart(const Report& report) {
  std::map<std::uint32_t, double> rates;
  for (const Test& test : report.tests) {
    if (!test.prefill && test.depth == 0 && test.kv_cache) rates.emplace(test.batch, test.rate());
  }
  if (rates.size() < 2) return "";
  double most = 0;
  for (const auto& [batch, rate] : rates) most = std::max(most, rate);
  if (most <= 0) return "";
  constexpr double kLeft = 70, kTop = 24, kBottom = 230, kRight = kWidth - 40;
  const double first = std::log2(rates.begin()->first), last = std::log2(rates.rbegin()->first);
  const auto x = [&](std::uint32_t batch) {
    return kLeft + (kRight - kLeft) * (std::log2(batch) - first) / (last - first);
  };
  const auto y = [&](double rate) { return kBottom - (kBottom - kTop) * rate / most; };
  std::string svg = open_svg(270, "Decoded tokens per second over sequences at once"), path;
  svg += line(kLeft, kBottom, kRight, kBottom, "grid") + line(kLeft, kTop, kRight, kTop, "grid");
  svg += text_at(kLeft - 8, kTop + 4, "end", format_number(most), "tick") +
         text_at(kLeft - 8, kBottom + 4, "end", "0", "tick");
  for (const auto& [batch, rate] : rates) {
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : " L", x(batch), y(rate));
    svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" class=\"dot\"/>\n", x(batch), y(rate));
    svg += text_at(x(batch), y(rate) - 10, "middle", format_number(rate), "value");
    svg += text_at(x(batch), kBottom + 18, "middle", fmt::format("{}", batch), "tick");
  }
  svg += fmt::format("<path d=\"{}\" class=\"curve\"/>\n", path);
  return svg + text_at((kLeft + kRight) / 2, kBottom + 36, "middle", "sequences at once", "tick") + "</svg>\n";
}

std::string roofline_chart(const Report& report) {
  const auto points = kernel_points(report);
  if (!report.roofs || report.roofs->read_bytes <= 0 || report.roofs->f32_flops <= 0 || points.empty()) return "";
  const Roofs& roofs = *report.roofs;
  const double best = std::max({roofs.f32_flops, roofs.int8_ops, roofs.matrix_flops});
  constexpr double kTop = 16, kBottom = 330;
  LogFrame frame(96, kTop, kWidth - 32, kBottom);
  frame.include({best / roofs.read_bytes, best});
  for (const auto& [kernel, point] : points) frame.include(point);
  frame.include({frame.lowest(), frame.lowest() * roofs.read_bytes});
  std::string svg = open_svg(370, "Roofline: operations per second over operations per byte") + frame.grid();
  const double ridge = std::min(best / roofs.read_bytes, frame.highest());
  svg += line(frame.x(frame.lowest()), frame.y(frame.lowest() * roofs.read_bytes), frame.x(ridge),
              frame.y(ridge * roofs.read_bytes), "roof");
  const double middle = std::sqrt(frame.lowest() * ridge);
  svg += text_at(frame.x(middle) + 10, frame.y(middle * roofs.read_bytes) + 16, "start",
                 "read " + format_rate(roofs.read_bytes, "B"), "tick");
  svg += roof_line(frame, roofs, roofs.f32_flops, "f32");
  if (roofs.int8_ops > 0) svg += roof_line(frame, roofs, roofs.int8_ops, "int8");
  if (roofs.matrix_flops > 0) svg += roof_line(frame, roofs, roofs.matrix_flops, "matrix");
  for (const auto& [kernel, point] : points) {
    svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5\" class=\"{}\"><title>{}</title></circle>\n",
                       frame.x(point.intensity), frame.y(point.rate), kernel->prefill ? "dot prefill" : "dot",
                       escape_html(fmt::format("{} ({}): {}", kernel->name, kernel->prefill ? "prefill" : "decode",
                                               percent_of_roof(rate_kernel(*kernel, report.roofs)))));
  }
  return svg + text_at(kWidth / 2, kBottom + 36, "middle", "operations per byte", "tick") + "</svg>\n";
}

}  // namespace pumice_bench
