// Renderers: a Report as text. Pure functions of the report; all of it is UTF-8 without control characters.
#pragma once

#include <string>
#include <string_view>

#include "bench/report/report.h"

namespace pumice_bench {

std::string render_table(const Report& report);     // for a terminal
std::string render_json(const Report& report);      // bench.schema.json describes it
std::string render_csv(const Report& report);       // one row a test (RFC 4180)
std::string render_markdown(const Report& report);  // GitHub's tables
std::string render_html(const Report& report);      // one self-contained page: no scripts, no links to load

// "storyteller-5m Q4_K_M on NVIDIA H200", and what the reader must know first: "unverified, interrupted" or "verified".
std::string title_of(const Report& report);
std::string standing_of(const Report& report);

// Shared by the renderers.
std::string clean_text(std::string_view text);  // control characters and bytes that are not UTF-8 become '?'
std::string format_size(double bytes);          // "3.6 MiB"
std::string format_rate(double per_second, const char* unit);  // "1.05 TB/s"; "-" for 0
std::string format_number(double value);  // three significant digits or more: "0.123", "12.3", "1234"
std::string format_optional(const std::optional<double>& value);  // "-" when empty
std::string percent_of_roof(const KernelRating& rating);          // "83 % of bandwidth"

}  // namespace pumice_bench
