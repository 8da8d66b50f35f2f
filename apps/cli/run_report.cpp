#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cache_report.h"
#include "output.h"
#include "run.h"

namespace pumice_cli {

namespace {

using Json = nlohmann::ordered_json;

double per_second(double tokens, double milliseconds) { return milliseconds > 0 ? 1000.0 * tokens / milliseconds : 0; }

double decode_rate(const PumiceTimings& timings) {
  return timings.generated_tokens > 1 ? per_second(timings.generated_tokens - 1.0, timings.decode_ms) : 0;
}

double prefill_rate(const PumiceTimings& timings) {
  return per_second(timings.prompt_tokens - timings.cached_tokens, timings.prefill_ms);
}

Json timings_json(const RunOutcome& outcome) {
  const PumiceTimings& timings = outcome.timings;
  return {{"load_ms", outcome.load_ms},
          {"prompt_tokens", timings.prompt_tokens},
          {"cached_tokens", timings.cached_tokens},
          {"generated_tokens", timings.generated_tokens},
          {"prefill_ms", timings.prefill_ms},
          {"decode_ms", timings.decode_ms},
          {"prefill_tokens_per_second", prefill_rate(timings)},
          {"decode_tokens_per_second", decode_rate(timings)},
          {"host_us_per_token", timings.host_us_per_token}};
}

Json stats_json(const PumiceContextStats& stats) {
  return {{"context_tokens", stats.context_tokens},
          {"page_tokens", stats.page_tokens},
          {"pages_total", stats.pages_total},
          {"pages_used", stats.pages_used},
          {"kv_bytes", stats.kv_bytes},
          {"kv_bytes_per_token", stats.kv_bytes_per_token},
          {"workspace_bytes", stats.workspace_bytes},
          {"prefill_tokens", stats.prefill_tokens},
          {"decode_tokens", stats.decode_tokens},
          {"images_computed", stats.images_computed},
          {"images_found", stats.images_found},
          {"submissions", stats.submissions},
          {"guessed_tokens", stats.guessed_tokens},
          {"accepted_tokens", stats.accepted_tokens},
          {"recordings", stats.recordings},
          {"dispatches_per_decode_step", stats.dispatches_per_decode_step},
          {"dispatches_per_layer", stats.dispatches_per_layer}};
}

// What the tokens that were found would have taken: at the rate at which the rest of the prompt was computed, or that
// of decoding where it is lower, as a first start compiles kernels while it computes the prompt.
double seconds_saved(const RunOutcome& outcome) {
  const PumiceTimings& timings = outcome.timings;
  double seconds = outcome.cache.prefill_seconds_per_token;
  if (timings.generated_tokens > 1)
    seconds = std::min(seconds, timings.decode_ms / 1000 / (timings.generated_tokens - 1));
  return seconds * timings.cached_tokens;
}

}  // namespace

std::string run_json(const RunOutcome& outcome) {
  Json json = {{"model", outcome.model},
               {"path", outcome.path},
               {"device", outcome.device},
               {"driver", outcome.driver},
               {"software_device", outcome.device_type == PUMICE_DEVICE_CPU},
               {"seed", outcome.seed},
               {"prompt_ids", outcome.prompt_ids},
               {"ids", outcome.ids},
               {"text", outcome.text},
               {"finish_reason", outcome.finish},
               {"dropped_tokens", outcome.dropped_tokens},
               {"timings", timings_json(outcome)},
               {"context", stats_json(outcome.stats)},
               {"cache", cache_json(outcome.cache, seconds_saved(outcome))}};
  for (const ImageUse& image : outcome.images)
    json["images"].push_back({{"file", image.file},
                              {"width", image.info.width},
                              {"height", image.info.height},
                              {"parts", image.info.parts},
                              {"tokens", image.info.tokens}});
  if (!outcome.profile.empty()) json["profile"] = Json::parse(outcome.profile, nullptr, false);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string run_stats_table(const RunOutcome& outcome) {
  const PumiceTimings& timings = outcome.timings;
  const PumiceContextStats& stats = outcome.stats;
  std::string table;
  const auto row = [&table](const char* label, const std::string& value) {
    table += fmt::format("  {:<20}{}\n", label, value);
  };
  row("model", fmt::format("{} ({})", printable(outcome.model), printable(outcome.path)));
  row("device", fmt::format("{} ({})", printable(outcome.device), printable(outcome.driver)));
  row("load", fmt::format("{:.1f} ms", outcome.load_ms));
  row("seed", fmt::format("{}", outcome.seed));
  row("prefill", fmt::format("{} tokens in {:.1f} ms, {:.1f} tokens/s ({} found in the KV cache)",
                             timings.prompt_tokens, timings.prefill_ms, prefill_rate(timings), timings.cached_tokens));
  row("decode", fmt::format("{} tokens in {:.1f} ms, {:.1f} tokens/s; end: {}", timings.generated_tokens,
                            timings.decode_ms, decode_rate(timings), outcome.finish));
  if (outcome.dropped_tokens > 0) row("window", fmt::format("slid over {} tokens", outcome.dropped_tokens));
  row("host CPU", fmt::format("{:.1f} us a token", timings.host_us_per_token));
  row("KV cache", fmt::format("{} of {} pages of {} tokens, {} ({} a token)", stats.pages_used, stats.pages_total,
                              stats.page_tokens, format_bytes(stats.kv_bytes), format_bytes(stats.kv_bytes_per_token)));
  for (const auto& [label, value] : cache_rows(outcome.cache, "prefix cache", seconds_saved(outcome)))
    row(label, value);
  row("workspace", format_bytes(stats.workspace_bytes));
  row("dispatches",
      fmt::format("{} a decode step, {} a layer", stats.dispatches_per_decode_step, stats.dispatches_per_layer));
  row("submissions", fmt::format("{}, recordings {}", stats.submissions, stats.recordings));
  if (stats.guessed_tokens > 0)
    row("guesses", fmt::format("{}, of which {} were right", stats.guessed_tokens, stats.accepted_tokens));
  return table;
}

std::string profile_table(const std::string& profile) {
  Json rows = Json::parse(profile, nullptr, false);
  if (!rows.is_array()) return "";
  std::sort(rows.begin(), rows.end(),
            [](const Json& a, const Json& b) { return a.value("microseconds", 0.0) > b.value("microseconds", 0.0); });
  double total = 0;
  for (const Json& row : rows) total += row.value("microseconds", 0.0);
  std::string table =
      fmt::format("  {:<32}{:>9}{:>13}{:>8}{:>10}{:>10}\n", "kernel", "calls", "us", "share", "GB/s", "GFLOP/s");
  for (const Json& row : rows) {
    const double us = row.value("microseconds", 0.0);
    const double scale = us > 0 ? 1e-3 / us : 0;  // bytes in microseconds to GB/s
    table += fmt::format("  {:<32}{:>9}{:>13.1f}{:>7.1f}%{:>10.2f}{:>10.2f}\n", row.value("kernel", ""),
                         row.value("calls", 0.0), us, total > 0 ? 100 * us / total : 0, row.value("bytes", 0.0) * scale,
                         row.value("flops", 0.0) * scale);
  }
  return table;
}

}  // namespace pumice_cli
