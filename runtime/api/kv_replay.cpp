// Replays of recorded requests.
#include "api/handles.h"
#include "kv/replay.h"
#include "pumice/pumice_kv.h"

using namespace pumice;

namespace {

// What looks at a policy after its replay.
struct Viewer {
  PumiceKvExpertCallback on_expert = nullptr;
  PumiceKvLearnedKindCallback on_learned_kind = nullptr;
  void* user = nullptr;
};

void show(const ReplayReport& report, const Viewer& viewer) {
  if (viewer.on_expert)
    for (const Expert& from : report.experts) {
      PumiceKvExpert expert{.size = sizeof expert,
                            .hit_rate = from.hit_rate,
                            .hit_rate_lately = from.hit_rate_lately,
                            .leads = from.leads ? 1 : 0};
      copy_text(policy_name(from.policy), expert.policy);
      viewer.on_expert(viewer.user, &expert);
    }
  if (viewer.on_learned_kind)
    for (const LearnedKind& from : report.learned) {
      const PumiceKvLearnedKind kind{.size = sizeof kind,
                                     .uses = from.uses,
                                     .depth = from.depth,
                                     .from_end = from.from_end,
                                     .late = from.late ? 1 : 0,
                                     .seen = from.seen,
                                     .comes_back = from.comes_back,
                                     .worth = from.worth};
      viewer.on_learned_kind(viewer.user, &kind);
    }
}

Result<PumiceKvReplayResult> run(const PumiceKvReplayOptions& options, const Viewer& viewer) {
  if (!options.policy || !options.offsets) return invalid("a policy and offsets are needed");
  if (options.requests > SIZE_MAX / sizeof(uint64_t) - 1) return invalid("too many requests");
  const std::span offsets(options.offsets, options.requests + 1);
  if (!options.block_ids && offsets.back() > 0) return invalid("block_ids is NULL");
  PUMICE_ASSIGN(const PolicyKind policy, find_policy(options.policy));
  ReplayOptions made{.policy = policy,
                     .pages = options.pages,
                     .seed = options.seed,
                     .learned = options.no_learned == 0,
                     .regret = options.skip_regret == 0};
  if (options.progress)
    made.progress = [&](double done) { return options.progress(options.progress_user, static_cast<float>(done)) == 0; };
  PUMICE_ASSIGN(const ReplayReport report,
                replay({.blocks = {options.block_ids, offsets.back()}, .offsets = offsets}, made));
  show(report, viewer);
  PumiceKvReplayResult result = pumice_kv_replay_result_init();
  result.requests = report.requests;
  result.blocks = report.blocks;
  result.hit_blocks = report.hit_blocks;
  result.evictions = report.evictions;
  result.hit_rate = report.hit_rate;
  result.requests_per_second = report.requests_per_second;
  if (!made.regret) return result;
  copy_text(policy_name(report.best_fixed), result.best_fixed);
  result.best_fixed_hit_rate = report.best_fixed_hit_rate;
  result.regret = report.best_fixed_hit_rate - report.hit_rate;
  result.farthest_hit_rate = report.farthest_hit_rate;
  result.farthest_regret = report.farthest_hit_rate - report.hit_rate;
  return result;
}

PumiceResult replay_and_show(const PumiceKvReplayOptions* options, PumiceKvReplayResult* result, const Viewer& viewer) {
  return guarded(nullptr, [&]() -> Result<void> {
    PUMICE_ASSIGN(const PumiceKvReplayOptions given, taken(options, pumice_kv_replay_options_init(), "options"));
    PUMICE_TRY(check_struct(result, "result"));
    PUMICE_ASSIGN(const PumiceKvReplayResult made, run(given, viewer));
    hand_out(made, result);
    return {};
  });
}

}  // namespace

extern "C" {

PumiceResult pumice_kv_replay(const PumiceKvReplayOptions* options, PumiceKvReplayResult* result) {
  return replay_and_show(options, result, {});
}

PumiceResult pumice_kv_policy(const PumiceKvReplayOptions* options, PumiceKvReplayResult* result,
                              PumiceKvExpertCallback on_expert, PumiceKvLearnedKindCallback on_learned_kind,
                              void* user) {
  return replay_and_show(options, result, {.on_expert = on_expert, .on_learned_kind = on_learned_kind, .user = user});
}

}  // extern "C"
