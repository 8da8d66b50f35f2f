/* Replays of recorded requests: how often a KV cache of some size would have had what was asked for. C11, also valid
 * C++; needs no device. Conventions as in pumice.h. Thread rule: any thread; a call shares nothing. */
#ifndef PUMICE_PUMICE_KV_H
#define PUMICE_PUMICE_KV_H

#include "pumice.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Request r asks for the blocks block_ids[offsets[r]] up to, not including, block_ids[offsets[r + 1]]: the pages of one
 * text, the first one first. Equal ids stand for equal pages after equal pages. */
typedef struct PumiceKvReplayOptions {
  size_t size;
  const void* next;
  const char* policy;      /* "lru", "lfu", "random", "s3fifo", "cost" or "adaptive" */
  uint32_t pages;          /* of the cache; at least 1 */
  int32_t skip_regret;     /* nonzero: only this policy, a seventh of the time; see the result */
  uint64_t seed;           /* of random choices: equal seeds give equal results */
  const uint64_t* block_ids;
  const uint64_t* offsets; /* requests + 1 of them, rising from 0 */
  uint64_t requests;
  PumiceProgressCallback progress; /* may be NULL; called now and then on this thread */
  void* progress_user;
} PumiceKvReplayOptions;

static inline PumiceKvReplayOptions pumice_kv_replay_options_init(void) {
  PumiceKvReplayOptions o = PUMICE_ZERO;
  o.size = sizeof(PumiceKvReplayOptions);
  o.policy = "adaptive";
  o.seed = 1;
  return o;
}

/* With skip_regret, the members from `best_fixed` on are zero. */
typedef struct PumiceKvReplayResult {
  size_t size;
  const void* next;
  uint64_t requests;
  uint64_t blocks;            /* asked for */
  uint64_t hit_blocks;        /* leading blocks of each request that were there */
  uint64_t evictions;
  double hit_rate;            /* hit_blocks / blocks */
  double requests_per_second; /* of the replay itself */
  char best_fixed[16];        /* the best of the policies other than the adaptive one */
  double best_fixed_hit_rate;
  double regret;              /* best_fixed_hit_rate - hit_rate; below zero when this policy did better */
  double farthest_hit_rate;   /* of a policy that knows the future: it evicts the page that is used again last */
  double farthest_regret;     /* farthest_hit_rate - hit_rate: all there is to gain */
} PumiceKvReplayResult;

static inline PumiceKvReplayResult pumice_kv_replay_result_init(void) {
  PumiceKvReplayResult r = PUMICE_ZERO;
  r.size = sizeof(PumiceKvReplayResult);
  return r;
}

/* Drives the very index and policies of the KV cache. PUMICE_INVALID_ARGUMENT: no such policy, no pages, offsets that
 * do not rise from 0. PUMICE_CANCELLED: by the progress callback. */
PUMICE_API PumiceResult pumice_kv_replay(const PumiceKvReplayOptions* options, PumiceKvReplayResult* result);

#ifdef __cplusplus
}
#endif

#endif
