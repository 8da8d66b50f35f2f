/* pumice_kv_replay() as a C11 program sees it: counts, wrong arguments, cancelling. Links the library alone. */
#define _POSIX_C_SOURCE 200809L /* what the support header uses of POSIX */

#include "c_api_support.h"
#include "pumice/pumice_kv.h"

static const uint64_t kBlocks[] = {0, 1, 2, 0, 1, 3, 0, 1, 2};
static const uint64_t kOffsets[] = {0, 3, 6, 9};

static PumiceKvReplayOptions three_requests(void) {
  PumiceKvReplayOptions options = pumice_kv_replay_options_init();
  options.pages = 4;
  options.block_ids = kBlocks;
  options.offsets = kOffsets;
  options.requests = 3;
  return options;
}

static void test_counts(void) {
  static const char* const policies[] = {"lru", "lfu", "random", "s3fifo", "cost", "learned", "adaptive"};
  for (int i = 0; i < 7; ++i) {
    PumiceKvReplayOptions options = three_requests();
    options.policy = policies[i];
    PumiceKvReplayResult result = pumice_kv_replay_result_init();
    CHECK_OK(pumice_kv_replay(&options, &result));
    CHECK(result.requests == 3 && result.blocks == 9 && result.hit_blocks == 5 && result.evictions == 0);
    CHECK(result.hit_rate == 5.0 / 9 && result.requests_per_second > 0);
    CHECK(result.best_fixed_hit_rate == 5.0 / 9 && result.farthest_hit_rate == 5.0 / 9);
    CHECK(result.regret == 0 && result.farthest_regret == 0 && strcmp(result.best_fixed, "lru") == 0);
    options.pages = 3; /* 3 pushes 2 out */
    CHECK_OK(pumice_kv_replay(&options, &result));
    CHECK(result.hit_blocks == 4 && result.evictions == 2);
    options.skip_regret = 1;
    CHECK_OK(pumice_kv_replay(&options, &result));
    CHECK(result.hit_blocks == 4 && result.best_fixed[0] == '\0' && result.regret == 0);
  }
}

static void count_expert(void* user, const PumiceKvExpert* expert) {
  CHECK(expert->size == sizeof(PumiceKvExpert) && expert->policy[0] != '\0');
  ((int*)user)[expert->leads ? 1 : 0]++;
}

static void count_kind(void* user, const PumiceKvLearnedKind* kind) {
  CHECK(kind->size == sizeof(PumiceKvLearnedKind) && kind->comes_back >= 0 && kind->comes_back <= 1);
  ((int*)user)[2]++;
}

static void test_policy(void) {
  PumiceKvReplayOptions options = three_requests();
  PumiceKvReplayResult result = pumice_kv_replay_result_init();
  int counts[3] = {0};
  CHECK_OK(pumice_kv_policy(&options, &result, count_expert, count_kind, counts));
  CHECK(result.hit_blocks == 5 && counts[0] == 5 && counts[1] == 1 && counts[2] > 0);
  options.no_learned = 1;
  memset(counts, 0, sizeof counts);
  CHECK_OK(pumice_kv_policy(&options, &result, count_expert, count_kind, counts));
  CHECK(counts[0] == 4 && counts[1] == 1 && counts[2] == 0);
  CHECK_OK(pumice_kv_policy(&options, &result, NULL, NULL, NULL));
}

static void test_wrong_arguments(void) {
  PumiceKvReplayOptions options = three_requests();
  PumiceKvReplayResult result = pumice_kv_replay_result_init();
  CHECK_INVALID(pumice_kv_replay(NULL, &result));
  CHECK_INVALID(pumice_kv_replay(&options, NULL));
  options.policy = "mru";
  CHECK_INVALID(pumice_kv_replay(&options, &result));
  options = three_requests();
  options.policy = NULL;
  CHECK_INVALID(pumice_kv_replay(&options, &result));
  options = three_requests();
  options.pages = 0;
  CHECK_INVALID(pumice_kv_replay(&options, &result));
  options = three_requests();
  options.block_ids = NULL;
  CHECK_INVALID(pumice_kv_replay(&options, &result));
  options = three_requests();
  options.offsets = NULL;
  CHECK_INVALID(pumice_kv_replay(&options, &result));
  static const uint64_t falling[] = {0, 6, 3, 9};
  options.offsets = falling;
  CHECK_INVALID(pumice_kv_replay(&options, &result));
  options = three_requests();
  options.size = sizeof(size_t);
  CHECK_INVALID(pumice_kv_replay(&options, &result));
  CHECK(result.requests == 0 && result.blocks == 0);
}

static int32_t cancel(void* user, float fraction) {
  CHECK(fraction >= 0 && fraction <= 1);
  ++*(int*)user;
  return 1;
}

static void test_cancelling(void) {
  PumiceKvReplayOptions options = three_requests();
  PumiceKvReplayResult result = pumice_kv_replay_result_init();
  int calls = 0;
  options.progress = cancel;
  options.progress_user = &calls;
  CHECK_RESULT(PUMICE_CANCELLED, pumice_kv_replay(&options, &result));
  CHECK(calls == 1 && result.requests == 0);
}

int main(void) {
  test_counts();
  test_policy();
  test_wrong_arguments();
  test_cancelling();
  return failures == 0 ? 0 : 1;
}
