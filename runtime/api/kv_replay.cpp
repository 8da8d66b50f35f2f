// Replays of recorded requests.
#include "api/handles.h"
#include "kv/replay.h"
#include "pumice/pumice_kv.h"

using namespace pumice;

namespace {

Result<PumiceKvReplayResult> run(const PumiceKvReplayOptions& options) {
  if (!options.policy || !options.offsets) return invalid("a policy and offsets are needed");
  if (options.requests > SIZE_MAX / sizeof(uint64_t) - 1) return invalid("too many requests");
  const std::span offsets(options.offsets, options.requests + 1);
  if (!options.block_ids && offsets.back() > 0) return invalid("block_ids is NULL");
  PUMICE_ASSIGN(const PolicyKind policy, find_policy(options.policy));
  ReplayOptions made{
      .policy = policy, .pages = options.pages, .seed = options.seed, .regret = options.skip_regret == 0};
  if (options.progress)
    made.progress = [&](double done) { return options.progress(options.progress_user, static_cast<float>(done)) == 0; };
  PUMICE_ASSIGN(const ReplayReport report,
                replay({.blocks = {options.block_ids, offsets.back()}, .offsets = offsets}, made));
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

}  // namespace

extern "C" {

PumiceResult pumice_kv_replay(const PumiceKvReplayOptions* options, PumiceKvReplayResult* result) {
  return guarded(nullptr, [&]() -> Result<void> {
    PUMICE_ASSIGN(const PumiceKvReplayOptions given, taken(options, pumice_kv_replay_options_init(), "options"));
    PUMICE_TRY(check_struct(result, "result"));
    PUMICE_ASSIGN(const PumiceKvReplayResult made, run(given));
    hand_out(made, result);
    return {};
  });
}

}  // extern "C"
