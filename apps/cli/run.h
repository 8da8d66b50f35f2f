// What `pumice run` did, for its reports.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "images.h"
#include "output.h"
#include "pumice/pumice.hpp"

namespace pumice_cli {

struct RunOutcome {
  std::string model, path, device, driver;
  PumiceDeviceType device_type = PUMICE_DEVICE_OTHER;
  std::uint64_t seed = 0;
  std::vector<ImageUse> images;
  std::vector<std::int32_t> prompt_ids, ids;  // prompt: with pictures, those behind the last one
  std::string text;
  const char* finish = "cancelled";  // "eos", "length", "context", "cancelled"
  double load_ms = 0;
  PumiceTimings timings = pumice_timings_init();
  std::uint64_t dropped_tokens = 0;  // by sliding
  PumiceContextStats stats = pumice_context_stats_init();
  PumiceCacheStats cache = pumice_cache_stats_init();
  std::string profile;                  // JSON text; empty without --profile
  std::optional<Failure> save_failure;  // of the session
  bool reported = false;
};

const char* finish_name(PumiceRequestStatus status);

// One JSON object and a newline. Text that is not UTF-8 has U+FFFD in place of the bytes that are not.
std::string run_json(const RunOutcome& outcome);

// A readable table, for standard error.
std::string run_stats_table(const RunOutcome& outcome);

// pumice_context_profile()'s rows as a table, most time first.
std::string profile_table(const std::string& profile);

}  // namespace pumice_cli
