#include "bench/report/render.h"

#include <fmt/format.h>

#include <cmath>
#include <cstddef>

namespace pumice_bench {

namespace {

// Length of the well-formed UTF-8 character (RFC 3629) at the start of `text`; 0 if there is none.
std::size_t character_length(std::string_view text) {
  const auto byte = [&text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned first = byte(0), second = byte(1);
  const auto tail = [&byte](std::size_t i) { return (byte(i) & 0xc0u) == 0x80u; };
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return tail(1) ? 2 : 0;
  if ((first & 0xf0u) == 0xe0u) {
    const bool fits = tail(1) && tail(2) && (first != 0xe0 || second >= 0xa0) && (first != 0xed || second < 0xa0);
    return fits ? 3 : 0;
  }
  const bool fits = first >= 0xf0 && first <= 0xf4 && tail(1) && tail(2) && tail(3) &&
                    (first != 0xf0 || second >= 0x90) && (first != 0xf4 || second < 0x90);
  return fits ? 4 : 0;
}

}  // namespace

std::string clean_text(std::string_view text) {
  std::string clean;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = character_length(text.substr(at));
    const auto first = static_cast<unsigned char>(text[at]);
    if (length == 0 || first < 0x20 || first == 0x7f) {
      clean += '?';
    } else {
      clean += text.substr(at, length);
    }
    at += length == 0 ? 1 : length;
  }
  return clean;
}

std::string format_size(double bytes) {
  constexpr const char* kUnits[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < std::size(kUnits)) {
    bytes /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} bytes", bytes) : fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

std::string format_number(double value) {
  const double size = std::abs(value);
  return fmt::format("{:.{}f}", value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

std::string format_rate(double per_second, const char* unit) {
  if (per_second <= 0) return "-";
  constexpr const char* kPrefixes[] = {"", "k", "M", "G", "T", "P"};
  std::size_t prefix = 0;
  while (per_second >= 1000 && prefix + 1 < std::size(kPrefixes)) {
    per_second /= 1000;
    ++prefix;
  }
  return fmt::format("{} {}{}/s", format_number(per_second), kPrefixes[prefix], unit);
}

std::string format_optional(const std::optional<double>& value) { return value ? format_number(*value) : "-"; }

std::string percent_of_roof(const KernelRating& rating) {
  return rating.percent ? fmt::format("{:.0f} % of {}", *rating.percent, rating.bound) : "-";
}

std::string title_of(const Report& report) {
  return clean_text(fmt::format("{} on {}", report.model.name, report.device.name));
}

std::string standing_of(const Report& report) {
  std::string standing = verified_name(report.verification.state);
  if (report.status != Status::kComplete) standing += fmt::format(", {}", status_name(report.status));
  return standing;
}

}  // namespace pumice_bench
