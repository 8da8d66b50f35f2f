// `pumice kv replay`: the hit rate of an eviction policy on recorded requests.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "kv.h"
#include "kv_trace.h"
#include "output.h"

namespace pumice_cli {

namespace {

using Json = nlohmann::ordered_json;

int replay(const ReplayFlags& flags, bool no_regret) {
  PumiceKvReplayOptions options = pumice_kv_replay_options_init();
  options.skip_regret = no_regret ? 1 : 0;
  const PumiceKvReplayResult result = replay_trace(flags, options, pumice_kv_replay);
  Json json = {{"policy", flags.policy},          {"pages", flags.pages},
               {"requests", result.requests},     {"blocks", result.blocks},
               {"hit_blocks", result.hit_blocks}, {"hit_rate", result.hit_rate},
               {"evictions", result.evictions}};
  if (!no_regret) {
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
  auto no_regret = std::make_shared<bool>();
  CLI::App* command = group->add_subcommand("replay", "replay recorded requests on a cache of some size");
  command->footer(
      "\nA trace has one request a line, {\"hash_ids\": [0, 1, 2]}: the ids of its text's blocks, the first one first; "
      "equal\n"
      "ids are equal blocks. Prints one JSON object. hit_rate: leading blocks found, of all blocks; regret: how much "
      "higher\n"
      "the hit rate of the best fixed policy is; farthest_regret: the same of a policy that knows the future.\n"
      "Exit codes: 0 done; 2 wrong usage; 3 no such file; 6 a malformed line (its number is said); 130 interrupted.\n");
  add_replay_options(command, flags.get());
  command->add_option("--policy", flags->policy, "adaptive (default), lru, lfu, random, s3fifo, cost or learned")
      ->check(CLI::IsMember({"adaptive", "lru", "lfu", "random", "s3fifo", "cost", "learned"}));
  command->add_flag("--no-learned", flags->no_learned, "the adaptive policy does without the learned one");
  command->add_flag("--no-regret", *no_regret, "do not replay the other policies for comparison");
  command->callback([=] { *action = [=] { return replay(*flags, *no_regret); }; });
}

}  // namespace pumice_cli
