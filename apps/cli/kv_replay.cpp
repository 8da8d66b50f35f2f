// `pumice kv replay`: the hit rate of an eviction policy on recorded requests.
#include <fmt/format.h>

#include <fstream>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "interrupt.h"
#include "kv.h"
#include "output.h"
#include "pumice/pumice_kv.h"

namespace pumice_cli {

namespace {

using Json = nlohmann::ordered_json;

struct ReplayFlags {
  std::string trace, policy = "adaptive";
  std::uint32_t pages = 0;
  std::uint64_t seed = 1;
  bool no_regret = false;
};

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
  std::ifstream in(path, std::ios::binary);
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

int replay(const ReplayFlags& flags) {
  catch_interrupts();
  const Trace trace = read_trace(flags.trace);
  PumiceKvReplayOptions options = pumice_kv_replay_options_init();
  options.policy = flags.policy.c_str();
  options.pages = flags.pages;
  options.seed = flags.seed;
  options.skip_regret = flags.no_regret ? 1 : 0;
  options.block_ids = trace.block_ids.data();
  options.offsets = trace.offsets.data();
  options.requests = trace.offsets.size() - 1;
  options.progress = [](void*, float fraction) -> std::int32_t {
    show_progress(fmt::format("replaying: {:.0f} %", 100 * static_cast<double>(fraction)));
    return interrupted() ? 1 : 0;
  };
  PumiceKvReplayResult result = pumice_kv_replay_result_init();
  const PumiceResult code = pumice_kv_replay(&options, &result);
  show_progress("");
  throw_if_interrupted();
  if (code != PUMICE_OK) throw Failure(exit_code_of(code), fmt::format("the replay: {}", pumice_result_name(code)));
  Json json = {{"policy", flags.policy},          {"pages", flags.pages},
               {"requests", result.requests},     {"blocks", result.blocks},
               {"hit_blocks", result.hit_blocks}, {"hit_rate", result.hit_rate},
               {"evictions", result.evictions}};
  if (!flags.no_regret) {
    json["regret"] = result.regret;
    json["best_fixed"] = result.best_fixed;
    json["best_fixed_hit_rate"] = result.best_fixed_hit_rate;
    json["farthest_regret"] = result.farthest_regret;
    json["farthest_hit_rate"] = result.farthest_hit_rate;
  }
  json["requests_per_second"] = result.requests_per_second;
  write_stdout(json.dump() + "\n");
  return kExitOk;
}

}  // namespace

void add_kv_replay_command(CLI::App* group, Action* action) {
  auto flags = std::make_shared<ReplayFlags>();
  CLI::App* command = group->add_subcommand("replay", "replay recorded requests on a cache of some size");
  command->footer(
      "\nA trace has one request a line, {\"hash_ids\": [0, 1, 2]}: the ids of its text's blocks, the first one first; "
      "equal\n"
      "ids are equal blocks. Prints one JSON object. hit_rate: leading blocks found, of all blocks; regret: how much "
      "higher\n"
      "the hit rate of the best fixed policy is; farthest_regret: the same of a policy that knows the future.\n"
      "Exit codes: 0 done; 2 wrong usage; 3 no such file; 6 a malformed line (its number is said); 130 interrupted.\n");
  command->add_option("--trace", flags->trace, "the recorded requests")->type_name("FILE")->required();
  command->add_option("--pages", flags->pages, "blocks that the cache holds")
      ->type_name("N")
      ->required()
      ->check(CLI::Range(1u, std::numeric_limits<std::uint32_t>::max() / 16));
  command->add_option("--policy", flags->policy, "adaptive (default), lru, lfu, random, s3fifo or cost")
      ->check(CLI::IsMember({"adaptive", "lru", "lfu", "random", "s3fifo", "cost"}));
  command->add_option("--seed", flags->seed, "of random choices")->type_name("N");
  command->add_flag("--no-regret", flags->no_regret, "do not replay the other policies for comparison");
  command->callback([=] { *action = [flags] { return replay(*flags); }; });
}

}  // namespace pumice_cli
