// `pumice kv policy`: what the adaptive policy makes of recorded requests: its experts, and what the learned one knows.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "kv.h"
#include "kv_trace.h"
#include "output.h"

namespace pumice_cli {

namespace {

using Json = nlohmann::ordered_json;

struct Knowledge {
  std::vector<PumiceKvExpert> experts;
  std::vector<PumiceKvLearnedKind> kinds;
};

std::string json_of(const PumiceKvReplayResult& result, const Knowledge& known) {
  Json experts = Json::array(), kinds = Json::array();
  for (const PumiceKvExpert& expert : known.experts)
    experts.push_back({{"policy", expert.policy},
                       {"hit_rate", expert.hit_rate},
                       {"hit_rate_lately", expert.hit_rate_lately},
                       {"weight", expert.leads}});
  for (const PumiceKvLearnedKind& kind : known.kinds)
    kinds.push_back({{"uses", kind.uses},
                     {"late", kind.late != 0},
                     {"depth", kind.depth},
                     {"from_end", kind.from_end},
                     {"seen", kind.seen},
                     {"comes_back", kind.comes_back},
                     {"worth", kind.worth}});
  return Json{{"hit_rate", result.hit_rate}, {"experts", experts}, {"learned", kinds}}.dump() + "\n";
}

std::string text_of(const PumiceKvReplayResult& result, const Knowledge& known) {
  std::string text = fmt::format("hit rate {:.4f}\n\n{:<10}{:>9}{:>9}{:>8}\n", result.hit_rate, "expert", "hit rate",
                                 "lately", "weight");
  for (const PumiceKvExpert& expert : known.experts)
    text += fmt::format("{:<10}{:>9.4f}{:>9.4f}{:>8}\n", expert.policy, expert.hit_rate, expert.hit_rate_lately,
                        expert.leads);
  if (known.kinds.empty()) return text;
  text += fmt::format("\n{:>5}{:>6}{:>7}{:>10}{:>10}{:>12}{:>11}\n", "uses", "late", "depth", "from end", "seen",
                      "comes back", "worth");
  for (const PumiceKvLearnedKind& kind : known.kinds)
    text += fmt::format("{:>5}{:>6}{:>7}{:>10}{:>10.0f}{:>12.3f}{:>11.2e}\n", kind.uses, kind.late ? "yes" : "no",
                        kind.depth, kind.from_end, kind.seen, kind.comes_back, kind.worth);
  return text;
}

int show_policy(const ReplayFlags& flags, bool json) {
  Knowledge known;
  PumiceKvReplayOptions options = pumice_kv_replay_options_init();
  options.skip_regret = 1;
  const auto on_expert = [](void* user, const PumiceKvExpert* expert) {
    static_cast<Knowledge*>(user)->experts.push_back(*expert);
  };
  const auto on_learned_kind = [](void* user, const PumiceKvLearnedKind* kind) {
    static_cast<Knowledge*>(user)->kinds.push_back(*kind);
  };
  const PumiceKvReplayResult result =
      replay_trace(flags, options, [&](const PumiceKvReplayOptions* given, PumiceKvReplayResult* to) {
        return pumice_kv_policy(given, to, on_expert, on_learned_kind, &known);
      });
  std::sort(known.kinds.begin(), known.kinds.end(),
            [](const PumiceKvLearnedKind& a, const PumiceKvLearnedKind& b) { return a.worth < b.worth; });
  write_stdout(json ? json_of(result, known) : text_of(result, known));
  return kExitOk;
}

}  // namespace

void add_kv_policy_command(CLI::App* group, Action* action) {
  auto flags = std::make_shared<ReplayFlags>();
  auto json = std::make_shared<bool>();
  CLI::App* command = group->add_subcommand("policy", "look into the adaptive policy after recorded requests");
  command->footer(
      "\nThe experts: the hit rates of their shadow caches over about 100 turnovers of the cache, and over 20; the "
      "cache\n"
      "follows the one with weight 1. Then what the learned one knows, what goes first on top: blocks that were used "
      "at\n"
      "least so often, the last time late (four turnovers after the one before, or more), at least so many blocks "
      "from\n"
      "the start and the end of the text; how many such uses were seen; the chance of another; uses expected per "
      "block\n"
      "and use of any. Exit codes as of `pumice kv replay`.\n");
  add_replay_options(command, flags.get());
  command->add_flag("--json", *json, "as JSON");
  command->callback([=] { *action = [=] { return show_policy(*flags, *json); }; });
}

}  // namespace pumice_cli
