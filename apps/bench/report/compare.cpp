#include "bench/report/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/report/render.h"

namespace pumice_bench {

namespace {

using Json = nlohmann::ordered_json;

Verdict verdict_of(const Ratio& ratio) {
  if (!ratio.low) return Verdict::kNoInterval;
  if (ratio.within_noise()) return Verdict::kWithinNoise;
  return ratio.value > 1 ? Verdict::kFaster : Verdict::kSlower;
}

bool generates(const Measurement& test) { return test.task == "prefill" || test.task == "decode"; }

}  // namespace

const char* verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kFaster:
      return "faster";
    case Verdict::kSlower:
      return "slower";
    case Verdict::kWithinNoise:
      return "within noise";
    case Verdict::kNoInterval:
      return "one sample, no interval";
  }
  return "";
}

std::vector<Comparison> compare(const std::vector<Results>& files) {
  std::vector<Comparison> rows;
  for (std::size_t other = 1; other < files.size(); ++other) {
    for (const Measurement& base : files.front().tests) {
      const auto& tests = files[other].tests;
      const auto match =
          std::find_if(tests.begin(), tests.end(), [&](const Measurement& test) { return test.same_test(base); });
      if (match == tests.end()) continue;
      const Ratio ratio = compare_samples(base.samples, match->samples);
      rows.push_back({.other = other, .base = base, .test = *match, .ratio = ratio, .verdict = verdict_of(ratio)});
    }
  }
  return rows;
}

std::string render_comparison(const std::vector<Results>& files, const std::vector<Comparison>& rows) {
  std::string text;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const Results& file = files[i];
    text += fmt::format(
        "{}  {}: {}, {} tests ({}){}\n", static_cast<char>('A' + i % 26), file.label, clean_text(file.device),
        file.tests.size(), clean_text(file.standing),
        file.skipped > 0 ? fmt::format("; {} of prompt and generation together left out", file.skipped) : "");
  }
  std::size_t width = 5;
  for (const Comparison& row : rows) width = std::max(width, clean_text(row.base.model).size());
  text += fmt::format("\n{:<{}}  {:<10}{:>7}{:>8}{:>7}{:>4}{:>11}{:>11}{:>9}  {:<17} {}\n", "model", width, "test",
                      "tokens", "depth", "batch", "", "A", "other", "ratio", "95 % interval", "");
  for (const Comparison& row : rows) {
    const std::string interval = row.ratio.low ? fmt::format("{:.3f} to {:.3f}", *row.ratio.low, *row.ratio.high) : "-";
    text +=
        fmt::format("{:<{}}  {:<10}{:>7}{:>8}{:>7}{:>4}{:>11}{:>11}{:>9.3f}  {:<17} {}{}\n", clean_text(row.base.model),
                    width, clean_text(row.base.task), row.base.tokens, row.base.depth, row.base.batch,
                    static_cast<char>('A' + row.other % 26), format_number(median(row.base.samples)),
                    format_number(median(row.test.samples)), row.ratio.value, interval, verdict_name(row.verdict),
                    row.base.kv_cache     ? ""
                    : generates(row.base) ? " (without KV cache)"
                                          : " (not cached)");
  }
  return text + fmt::format(
                    "\nA and other: median tokens per second, of other tasks inputs. Ratio: other / A, of geometric "
                    "means; {}.\n",
                    kComparisonMethod);
}

std::string render_comparison_json(const std::vector<Results>& files, const std::vector<Comparison>& rows) {
  Json list = Json::array(), comparisons = Json::array();
  for (const Results& file : files) {
    list.push_back({{"file", file.label},
                    {"device", clean_text(file.device)},
                    {"standing", clean_text(file.standing)},
                    {"tests", file.tests.size()},
                    {"skipped", file.skipped}});
  }
  for (const Comparison& row : rows) {
    comparisons.push_back({{"file", files[row.other].label},
                           {"model", clean_text(row.base.model)},
                           {"test", clean_text(row.base.task)},
                           {"tokens", row.base.tokens},
                           {"depth", row.base.depth},
                           {"batch", row.base.batch},
                           {"kv_cache", row.base.kv_cache},
                           {"base_tokens_per_second", median(row.base.samples)},
                           {"tokens_per_second", median(row.test.samples)},
                           {"ratio", row.ratio.value},
                           {"ratio_low", row.ratio.low ? Json(*row.ratio.low) : Json(nullptr)},
                           {"ratio_high", row.ratio.high ? Json(*row.ratio.high) : Json(nullptr)},
                           {"verdict", verdict_name(row.verdict)}});
  }
  const Json json = {{"format", "pumice-bench-compare/1"},
                     {"method", kComparisonMethod},
                     {"files", std::move(list)},
                     {"comparisons", std::move(comparisons)}};
  return json.dump(2) + "\n";
}

}  // namespace pumice_bench
