#include "cache_report.h"

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "output.h"

namespace pumice_cli {

namespace {

using Json = nlohmann::ordered_json;

double share(double part, double whole) { return whole > 0 ? part / whole : 0; }

std::uint64_t hits(const PumiceCacheStats& stats) {
  return stats.hit_pages[0] + stats.hit_pages[1] + stats.hit_pages[2] + stats.hit_pages[3];
}

constexpr const char* kTierNames[] = {"ram", "disk", "redis"};

Json tier_json(const PumiceTierStats& tier) {
  return {{"values", tier.values},
          {"bytes", tier.bytes},
          {"limit_bytes", tier.limit_bytes},
          {"reads", tier.reads},
          {"hits", tier.hits},
          {"writes", tier.writes},
          {"evictions", tier.evictions},
          {"failures", tier.failures},
          {"read_bytes", tier.read_bytes},
          {"written_bytes", tier.written_bytes},
          {"seconds_reading", tier.seconds_reading},
          {"seconds_writing", tier.seconds_writing},
          {"seconds_per_page", tier.seconds_per_page}};
}

}  // namespace

nlohmann::ordered_json cache_json(const PumiceCacheStats& stats, double seconds_saved) {
  Json json = {{"page_bytes", stats.page_bytes},
               {"pages_total", stats.pages_total},
               {"pages_limit", stats.pages_limit},
               {"pages_held", stats.pages_held},
               {"pages_cached", stats.pages_cached},
               {"slots_unused", stats.slots_unused},
               {"lookups", stats.lookups},
               {"looked_up_pages", stats.looked_up_pages},
               {"hit_pages",
                {{"device", stats.hit_pages[0]},
                 {"ram", stats.hit_pages[1]},
                 {"disk", stats.hit_pages[2]},
                 {"redis", stats.hit_pages[3]}}},
               {"hit_rate", share(static_cast<double>(hits(stats)), static_cast<double>(stats.looked_up_pages))},
               {"fetches", stats.fetches},
               {"fetches_given_up", stats.fetches_given_up},
               {"fetches_not_worth", stats.fetches_not_worth},
               {"seconds_fetching", stats.seconds_fetching},
               {"recompute_seconds_saved", seconds_saved},
               {"sealed_pages", stats.sealed_pages},
               {"copied_pages", stats.copied_pages},
               {"scrubbed_pages", stats.scrubbed_pages},
               {"evictions",
                {{"capacity", stats.evictions_capacity},
                 {"expired", stats.evictions_expired},
                 {"quota", stats.evictions_quota},
                 {"shrunk", stats.evictions_shrunk},
                 {"cleared", stats.evictions_cleared}}},
               {"verification_failures", stats.verification_failures},
               {"dropped_writes", stats.dropped_writes}};
  for (std::size_t i = 0; i < std::size(stats.curve_pages); ++i)
    json["curve"].push_back({{"pages", stats.curve_pages[i]}, {"hit_rate", stats.curve_hit_rate[i]}});
  for (std::size_t i = 0; i < std::size(kTierNames); ++i)
    if (stats.tiers[i].present) json["tiers"][kTierNames[i]] = tier_json(stats.tiers[i]);
  return json;
}

std::vector<std::pair<const char*, std::string>> cache_rows(const PumiceCacheStats& stats, const char* name,
                                                            double seconds_saved) {
  std::vector<std::pair<const char*, std::string>> rows;
  if (stats.looked_up_pages > 0)
    rows.emplace_back(
        name,
        fmt::format("{} of {} pages found ({:.0f} %): {} device, {} RAM, {} disk, {} Redis; saved about {:.2f} s",
                    hits(stats), stats.looked_up_pages,
                    100 * share(static_cast<double>(hits(stats)), static_cast<double>(stats.looked_up_pages)),
                    stats.hit_pages[0], stats.hit_pages[1], stats.hit_pages[2], stats.hit_pages[3], seconds_saved));
  if (stats.fetches + stats.fetches_not_worth > 0)
    rows.emplace_back("fetches",
                      fmt::format("{} ({} given up, {} not worth while), {:.1f} ms waited", stats.fetches,
                                  stats.fetches_given_up, stats.fetches_not_worth, 1e3 * stats.seconds_fetching));
  for (std::size_t i = 0; i < std::size(kTierNames); ++i) {
    const PumiceTierStats& tier = stats.tiers[i];
    if (tier.present)
      rows.emplace_back(kTierNames[i],
                        fmt::format("{} pages, {}; {} of {} reads found, {} written, {} failures", tier.values,
                                    format_bytes(tier.bytes), tier.hits, tier.reads, tier.writes, tier.failures));
  }
  if (stats.verification_failures > 0)
    rows.emplace_back("damaged pages", fmt::format("{} (not used)", stats.verification_failures));
  return rows;
}

void note_cache(const PumiceCacheStats& stats, const char* name) {
  note(fmt::format("{}: {} of {} pages of {}", name, stats.pages_held + stats.pages_cached, stats.pages_total,
                   format_bytes(stats.page_bytes)));
  for (const auto& [label, value] : cache_rows(stats, name, stats.recompute_seconds_saved))
    note(fmt::format("{}: {}", label, value));
}

}  // namespace pumice_cli
