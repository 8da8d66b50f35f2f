/* Tools for the KV cache: replays of recorded requests, and what lies in a cache folder. C11, also valid C++; needs no
 * device. Conventions as in pumice.h. */
#ifndef PUMICE_PUMICE_KV_H
#define PUMICE_PUMICE_KV_H

#include "pumice.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Replays: how often a cache of some size would have had what was asked for. Any thread; a call shares nothing. */

/* Request r asks for the blocks block_ids[offsets[r]] up to, not including, block_ids[offsets[r + 1]]: the pages of one
 * text, the first one first. Equal ids stand for equal pages after equal pages. */
/* One of the policies that the adaptive one chooses from. */
typedef struct PumiceKvExpert {
  size_t size;
  const void* next;
  char policy[16];
  double hit_rate;        /* of its shadow cache, what is long ago counting less */
  double hit_rate_lately; /* the same over the last few turnovers of the cache */
  int32_t leads;          /* not 0: the cache follows it; the learned one only while its hit_rate is the highest */
} PumiceKvExpert;

/* What the learned policy knows of blocks that are alike: those whose numbers are at least these, and below those of
 * the next kind. */
typedef struct PumiceKvLearnedKind {
  size_t size;
  const void* next;
  uint32_t uses;
  uint32_t depth;         /* blocks before it */
  uint32_t from_end;      /* blocks behind it in the text that used it last */
  int32_t late;           /* not 0: its last two uses were four turnovers of the cache apart, or more */
  double seen;            /* uses that this is known from, what is long ago counting less */
  double comes_back;      /* the chance of another use within sixteen turnovers of the cache */
  double worth;           /* uses expected per block and use of any, right after a use: the lowest goes first */
} PumiceKvLearnedKind;

typedef void (*PumiceKvExpertCallback)(void* user, const PumiceKvExpert* expert);
typedef void (*PumiceKvLearnedKindCallback)(void* user, const PumiceKvLearnedKind* kind);

typedef struct PumiceKvReplayOptions {
  size_t size;
  const void* next;
  const char* policy;      /* "lru", "lfu", "random", "s3fifo", "cost", "learned" or "adaptive" */
  uint32_t pages;          /* of the cache; at least 1 */
  int32_t skip_regret;     /* nonzero: only this policy, a seventh of the time; see the result */
  uint64_t seed;           /* of random choices: equal seeds give equal results */
  const uint64_t* block_ids;
  const uint64_t* offsets; /* requests + 1 of them, rising from 0 */
  uint64_t requests;
  PumiceProgressCallback progress; /* may be NULL; called now and then on this thread */
  void* progress_user;
  int64_t no_learned;      /* nonzero: the adaptive policy does without the learned one (64 bits: no padding) */
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
  char best_fixed[16];        /* the best of the policies that neither adapt nor learn */
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

/* The same, and in the end calls on_expert for each expert of the policy and on_learned_kind for each kind that it has
 * learned of, on this thread. Either may be NULL. */
PUMICE_API PumiceResult pumice_kv_policy(const PumiceKvReplayOptions* options, PumiceKvReplayResult* result,
                                         PumiceKvExpertCallback on_expert, PumiceKvLearnedKindCallback on_learned_kind,
                                         void* user);

/* ---- Cache folders: pages on disk (PumiceCacheOptions.disk_folder). One thread at a time for each folder object. - */

typedef struct PumiceKvFolder PumiceKvFolder;

typedef struct PumiceKvFolderStats {
  size_t size;
  const void* next;
  uint64_t files, bytes;          /* segment files and their size */
  uint64_t records, value_bytes;  /* pages that are whole as far as their frames tell */
  uint64_t tokens;                /* of these pages */
  uint64_t erased_records;
  uint64_t damaged_records;       /* unfinished or damaged; they are not served */
  uint64_t damaged_places;        /* runs of bytes that belong to no record */
} PumiceKvFolderStats;

static inline PumiceKvFolderStats pumice_kv_folder_stats_init(void) {
  PumiceKvFolderStats s = PUMICE_ZERO;
  s.size = sizeof(PumiceKvFolderStats);
  return s;
}

typedef struct PumiceKvRecord {
  size_t size;
  const void* next;
  char key[65];            /* hexadecimal */
  char name_space[65];
  uint64_t epoch;
  uint32_t tokens;         /* 0: the value is no page */
  uint64_t bytes;          /* of the value */
  uint64_t written_at;     /* seconds since 1970 */
  uint64_t uses;           /* reads so far */
  int32_t compressed, encrypted;
} PumiceKvRecord;

static inline PumiceKvRecord pumice_kv_record_init(void) {
  PumiceKvRecord r = PUMICE_ZERO;
  r.size = sizeof(PumiceKvRecord);
  return r;
}

typedef struct PumiceKvVerification {
  size_t size;
  const void* next;
  uint64_t records;         /* that were read */
  uint64_t bytes;           /* of their values */
  uint64_t damaged_records; /* checksums differ, or unfinished */
  uint64_t damaged_places;
  uint64_t not_genuine;     /* with a secret: whole, but changed on purpose or written under another secret */
} PumiceKvVerification;

static inline PumiceKvVerification pumice_kv_verification_init(void) {
  PumiceKvVerification v = PUMICE_ZERO;
  v.size = sizeof(PumiceKvVerification);
  return v;
}

/* The 32 bytes for PumiceCacheOptions.secret and pumice_kv_folder_verify(), from a file. make: not 0: where there is
 * none, one with random bytes is made, which only its owner may read; of several programs that do so at once one is
 * first, and all get its secret. Errors go to the instance. PUMICE_NOT_FOUND: there is no such file; PUMICE_MALFORMED:
 * it has not 32 bytes. */
PUMICE_API PumiceResult pumice_kv_secret_file(PumiceInstance* instance, const char* path, int32_t make,
                                              uint8_t* secret);

/* Reads the headers of all records; changes nothing, and may be done while a program uses the folder. Errors go to the
 * instance. PUMICE_NOT_FOUND: there is no such folder. */
PUMICE_API PumiceResult pumice_kv_folder_open(PumiceInstance* instance, const char* path, PumiceKvFolder** folder);
PUMICE_API void pumice_kv_folder_destroy(PumiceKvFolder* folder);
PUMICE_API size_t pumice_kv_folder_error(const PumiceKvFolder* folder, char* buffer, size_t capacity);
PUMICE_API PumiceResult pumice_kv_folder_get_stats(PumiceKvFolder* folder, PumiceKvFolderStats* stats);
/* index: below the records of the stats; in the order in which they were written. PUMICE_NOT_FOUND: none. */
PUMICE_API PumiceResult pumice_kv_folder_get_record(PumiceKvFolder* folder, uint64_t index, PumiceKvRecord* record);
/* Reads all of it. secret: the 32 bytes of PumiceCacheOptions.secret, or NULL: the checksums alone, which find
 * accidents but no intent. What is damaged is counted and no error. progress may be NULL. PUMICE_CANCELLED: by it. */
PUMICE_API PumiceResult pumice_kv_folder_verify(PumiceKvFolder* folder, const uint8_t* secret,
                                                PumiceProgressCallback progress, void* progress_user,
                                                PumiceKvVerification* verification);
/* Removes all records, the damaged too; files that are not the cache's stay. PUMICE_UNSUPPORTED: a program uses it. */
PUMICE_API PumiceResult pumice_kv_folder_clear(PumiceKvFolder* folder);

#ifdef __cplusplus
}
#endif

#endif
