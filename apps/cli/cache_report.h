// What the cache of a context, or of the sources of a translator or transcriber, has done.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "pumice/pumice.hpp"

namespace pumice_cli {

nlohmann::ordered_json cache_json(const PumiceCacheStats& stats, double seconds_saved);

// Labels and values of a readable table; name: of the row of pages found.
std::vector<std::pair<const char*, std::string>> cache_rows(const PumiceCacheStats& stats, const char* name,
                                                            double seconds_saved);

// The same as notes.
void note_cache(const PumiceCacheStats& stats, const char* name);

}  // namespace pumice_cli
