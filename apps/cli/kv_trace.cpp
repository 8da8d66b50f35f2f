#include "kv_trace.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "exit_codes.h"
#include "interrupt.h"
#include "output.h"
#include "session.h"

namespace pumice_cli {

namespace {

using Json = nlohmann::ordered_json;

struct Trace {
  std::vector<std::uint64_t> block_ids, offsets = {0};
};

// One request, `{"hash_ids": [0, 1, 2]}`; other members are ignored.
void read_request(const std::string& line, const std::string& place, Trace* trace) {
  const Json request = Json::parse(line, nullptr, false);
  if (request.is_discarded() || !request.is_object())
    throw Failure(kExitBadModel,
                  place + ": not a JSON object; each line is one request, such as {\"hash_ids\": [0, 1]}");
  const auto ids = request.find("hash_ids");
  if (ids == request.end() || !ids->is_array())
    throw Failure(kExitBadModel, place + ": no list \"hash_ids\"; give the request's block ids there");
  for (const Json& id : *ids) {
    if (!id.is_number_unsigned())
      throw Failure(kExitBadModel, place + ": a block id in \"hash_ids\" is not a whole number from 0 to 2^64 - 1");
    trace->block_ids.push_back(id.get<std::uint64_t>());
  }
  trace->offsets.push_back(trace->block_ids.size());
}

Trace read_trace(const std::string& path) {
  std::ifstream in(std::filesystem::path(path), std::ios::binary);
  if (!in) throw Failure(kExitNotFound, fmt::format("cannot open {}; give a file of requests", printable(path)));
  Trace trace;
  std::string line;
  for (std::uint64_t number = 1; std::getline(in, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    read_request(line, fmt::format("{}:{}", printable(path), number), &trace);
    throw_if_interrupted();
  }
  if (in.bad()) throw Failure(kExitNotFound, fmt::format("cannot read {}", printable(path)));
  if (trace.offsets.size() == 1) throw Failure(kExitBadModel, printable(path) + ": no requests in this file");
  return trace;
}

}  // namespace

void add_replay_options(CLI::App* command, ReplayFlags* flags) {
  command->add_option("--trace", flags->trace, "the recorded requests")->type_name("FILE")->required();
  command->add_option("--pages", flags->pages, "blocks that the cache holds")
      ->type_name("N")
      ->required()
      ->check(CLI::Range(1u, std::numeric_limits<std::uint32_t>::max() / 16));
  command->add_option("--seed", flags->seed, "of random choices")->type_name("N");
}

PumiceKvReplayResult replay_trace(const ReplayFlags& flags, PumiceKvReplayOptions options, const RunReplay& run) {
  catch_interrupts();
  const Trace trace = read_trace(flags.trace);
  options.policy = flags.policy.c_str();
  options.pages = flags.pages;
  options.seed = flags.seed;
  options.no_learned = flags.no_learned ? 1 : 0;
  options.block_ids = trace.block_ids.data();
  options.offsets = trace.offsets.data();
  options.requests = trace.offsets.size() - 1;
  options.progress = [](void*, float fraction) -> std::int32_t {
    show_progress(fmt::format("replaying: {:.0f} %", 100 * static_cast<double>(fraction)));
    return interrupted() ? 1 : 0;
  };
  PumiceKvReplayResult result = pumice_kv_replay_result_init();
  const PumiceResult code = run(&options, &result);
  show_progress("");
  throw_if_interrupted();
  if (code != PUMICE_OK) throw Failure(exit_code_of(code), fmt::format("the replay: {}", pumice_result_name(code)));
  return result;
}

}  // namespace pumice_cli
