// SVG charts for the HTML page. Pure functions; colours come from the page's CSS classes.
#pragma once

#include <string>

#include "bench/report/report.h"

namespace pumice_bench {

std::string escape_html(std::string_view text);  // also cleans it

// Median tokens a second of the prefill or decode tests as bars, with least and most as whiskers; "" without any.
std::string rate_chart(const Report& report, bool prefill);
// Tokens a second over the number of sequences; "" for fewer than two points.
std::string batch_chart(const Report& report);
// The device's roofs and each kernel under them, both axes logarithmic; "" without roofs or kernels.
std::string roofline_chart(const Report& report);

}  // namespace pumice_bench
