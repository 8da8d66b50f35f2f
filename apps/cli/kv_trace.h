// Recorded requests, and their replay.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "pumice/pumice_kv.h"

namespace pumice_cli {

struct ReplayFlags {
  std::string trace, policy = "adaptive";
  std::uint32_t pages = 0;
  std::uint64_t seed = 1;
  bool no_learned = false;
};

void add_replay_options(CLI::App* command, ReplayFlags* flags);
// options: what the flags do not say. run(options, result): calls the library. Throws Failure.
using RunReplay = std::function<PumiceResult(const PumiceKvReplayOptions*, PumiceKvReplayResult*)>;
PumiceKvReplayResult replay_trace(const ReplayFlags& flags, PumiceKvReplayOptions options, const RunReplay& run);

}  // namespace pumice_cli
