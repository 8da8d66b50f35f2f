/* A program that was built against the first header works with this library, and so do programs built against headers
 * with fewer and with more members. Structs lie in allocations of their exact size, so that a sanitizer sees every byte
 * that is read or written beyond it. */
#define _POSIX_C_SOURCE 200809L /* what the support header uses of POSIX */

#include "api/abi/first/pumice/pumice.h"
#include "api/abi/first/pumice/pumice_kv.h"
#include "c_api_requests.h"

typedef struct Head {
  size_t size;
  const void* next;
} Head;

static Fixture fixture; /* without a device, the model is a vocabulary */
static PumiceContext* context;
static PumiceSequence* sequence;
static PumiceRequest* request;
static int32_t dummy;

/* ---- One function for each struct: calls what takes it, and undoes what that made. ---- */

static PumiceResult instance_options(void* given) {
  PumiceInstance* made = NULL;
  const PumiceResult result = pumice_instance_create(given, &made);
  pumice_instance_destroy(made);
  return result;
}
static PumiceResult model_options_of(void* given) {
  PumiceModel* made = NULL;
  const PumiceResult result = pumice_model_load(fixture.instance, NULL, given, &made);
  pumice_model_destroy(made);
  return result;
}
static PumiceResult replay_options(void* given) {
  PumiceKvReplayResult made = pumice_kv_replay_result_init();
  return pumice_kv_replay(given, &made);
}
static PumiceResult replay_result(void* given) {
  static const uint64_t blocks[] = {1, 2, 1}, offsets[] = {0, 2, 3};
  PumiceKvReplayOptions options = pumice_kv_replay_options_init();
  options.pages = 2;
  options.block_ids = blocks;
  options.offsets = offsets;
  options.requests = 2;
  return pumice_kv_replay(&options, given);
}
static PumiceResult model_info(void* given) { return pumice_model_get_info(fixture.model, given); }
static PumiceResult metadata(void* given) { return pumice_model_get_metadata(fixture.model, 0, given); }
static PumiceResult tensor_info(void* given) { return pumice_model_get_tensor(fixture.model, 0, given); }
static PumiceResult estimate_options(void* given) {
  PumiceEstimate made = pumice_estimate_init();
  return pumice_model_estimate(fixture.model, given, &made);
}
static PumiceResult estimate_cache_options(void* given) {
  PumiceContextOptions options = pumice_context_options_init();
  PumiceEstimate made = pumice_estimate_init();
  options.cache = given;
  return pumice_model_estimate(fixture.model, &options, &made);
}
static PumiceResult estimate(void* given) { return pumice_model_estimate(fixture.model, NULL, given); }

static PumiceResult device_options(void* given) {
  PumiceDevice* made = NULL;
  const PumiceResult result = pumice_device_create_auto(fixture.instance, given, &made);
  pumice_device_destroy(made);
  return result;
}
static PumiceResult device_info(void* given) { return pumice_device_get_info(fixture.instance, 0, given); }
static PumiceResult device_description(void* given) { return pumice_device_describe(fixture.device, given); }
static PumiceResult warm_up_options(void* given) { return pumice_model_warm_up(fixture.model, given, NULL); }
static PumiceResult warm_up_info(void* given) {
  PumiceWarmUpOptions options = pumice_warm_up_options_init();
  options.autotune_seconds = -1;
  return pumice_model_warm_up(fixture.model, &options, given);
}
static PumiceResult context_options(void* given) {
  PumiceContext* made = NULL;
  const PumiceResult result = pumice_context_create(fixture.model, given, &made);
  pumice_context_destroy(made);
  return result;
}
static PumiceResult context_stats(void* given) { return pumice_context_get_stats(context, given); }
static PumiceResult cache_stats(void* given) { return pumice_context_get_cache_stats(context, given); }
static PumiceResult sequence_info(void* given) { return pumice_sequence_get_info(sequence, given); }
static PumiceResult poll_of(void* given) { return pumice_poll(request, given); }
static PumiceResult timings_of(void* given) { return pumice_request_timings(request, given); }
static PumiceResult session_options(void* given) { return pumice_sequence_save(sequence, given); }
static PumiceResult score_options(void* given) {
  const PumiceResult result = pumice_sequence_score(sequence, given);
  CHECK_OK(pumice_sequence_truncate(sequence, 1));
  return result;
}
static PumiceResult request_options(void* given) {
  PumiceSequence* fresh = make_sequence(context);
  PumiceRequest* made = NULL;
  const PumiceResult result = pumice_request_submit(fresh, given, &made);
  pumice_request_destroy(made);
  pumice_sequence_destroy(fresh);
  return result;
}

/* ---- The checks. ---- */

/* A struct of `size` bytes with the beginning of the `most` bytes at `from`, and zeros after it. */
static void* struct_of(size_t size, const void* from, size_t most) {
  void* copy = calloc(1, size);
  memcpy(copy, from, size < most ? size : most);
  ((Head*)copy)->size = size;
  return copy;
}

typedef PumiceResult (*Call)(void*);

static void expect_refused(const char* name, Call call, const void* whole, size_t size) {
  /* Nothing, half a head, no whole words, and too much. */
  static const size_t sizes[] = {0, sizeof(Head) / 2, sizeof(Head) + sizeof(void*) / 2, 1 << 20, SIZE_MAX};
  Head* copy = struct_of(size, whole, size);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; ++i) {
    copy->size = sizes[i];
    if (call(copy) != PUMICE_INVALID_ARGUMENT) fprintf(stderr, "%s with size %zu\n", name, sizes[i]), ++failures;
  }
  copy->size = size;
  copy->next = &dummy;
  if (call(copy) != PUMICE_INVALID_ARGUMENT) fprintf(stderr, "%s with a `next`\n", name), ++failures;
  free(copy);
}

/* Bytes by which the library's structs may be longer than those of the headers that this was compiled with. */
enum { kKnownGrowth = 64 };

/* What the caller fills in: works from `least` bytes on, and with zeros after what the library knows. */
static void check_input(const char* name, Call call, const void* whole, size_t size, size_t least) {
  expect_refused(name, call, whole, size);
  for (size_t n = (least + 7) / 8 * 8; n <= size + kKnownGrowth + 32; n += 8) {
    char* copy = struct_of(n, whole, size);
    const PumiceResult result = call(copy);
    if (result != PUMICE_OK) fprintf(stderr, "%s of %zu bytes: %d\n", name, n, (int)result), ++failures;
    if (n > size + kKnownGrowth) {
      copy[n - 1] = 1;
      if (call(copy) != PUMICE_INVALID_ARGUMENT)
        fprintf(stderr, "%s of %zu bytes: set member unknown here\n", name, n), ++failures;
    }
    free(copy);
  }
}

/* What the library fills in: as far as the caller's struct goes, whose `size` it keeps. */
static void check_output(const char* name, Call call, const void* whole, size_t size) {
  expect_refused(name, call, whole, size);
  void* all = struct_of(size, whole, size);
  if (call(all) != PUMICE_OK) fprintf(stderr, "%s: not filled in\n", name), ++failures;
  for (size_t n = sizeof(Head); n <= size + 64; n += 8) {
    char* copy = struct_of(n, whole, size);
    if (call(copy) != PUMICE_OK || ((Head*)copy)->size != n) fprintf(stderr, "%s of %zu\n", name, n), ++failures;
    for (size_t i = size; i < n; ++i) CHECK(copy[i] == 0);
    free(copy);
  }
  free(all);
}

#define INPUT(call, value, last) \
  check_input(#call, call, &(value), sizeof(value), offsetof(__typeof__(value), last) + sizeof((value).last))
#define OUTPUT(call, value)                           \
  do {                                                \
    const __typeof__(value) made_ = (value);          \
    check_output(#call, call, &made_, sizeof(made_)); \
  } while (0)

static void test_without_device(void) {
  PumiceInstanceOptions of_instance = pumice_instance_options_init();
  INPUT(instance_options, of_instance, next);
  PumiceModelOptions of_model = model_options(MODEL);
  INPUT(model_options_of, of_model, path);
  static const uint64_t blocks[] = {1, 2, 1}, offsets[] = {0, 2, 3};
  PumiceKvReplayOptions replay = pumice_kv_replay_options_init();
  replay.pages = 2;
  replay.block_ids = blocks;
  replay.offsets = offsets;
  replay.requests = 2;
  INPUT(replay_options, replay, requests);
  OUTPUT(replay_result, pumice_kv_replay_result_init());
  OUTPUT(model_info, pumice_model_info_init());
  OUTPUT(metadata, pumice_metadata_init());
  OUTPUT(tensor_info, pumice_tensor_info_init());
  PumiceContextOptions of_context = pumice_context_options_init();
  INPUT(estimate_options, of_context, next);
  PumiceCacheOptions of_cache = pumice_cache_options_init();
  INPUT(estimate_cache_options, of_cache, next);
  OUTPUT(estimate, pumice_estimate_init());
}

static int32_t discard(void* user, const void* data, size_t size) {
  (void)user, (void)data, (void)size;
  return 0;
}

static void test_inputs_of_device(void) {
  PumiceDeviceOptions of_device = pumice_device_options_init();
  INPUT(device_options, of_device, next);
  PumiceWarmUpOptions of_warm_up = pumice_warm_up_options_init();
  of_warm_up.autotune_seconds = -1;
  INPUT(warm_up_options, of_warm_up, autotune_seconds);
  PumiceContextOptions of_context = pumice_context_options_init();
  of_context.context_tokens = 64;
  INPUT(context_options, of_context, context_tokens);
  PumiceSessionOptions of_session = pumice_session_options_init();
  of_session.write = discard;
  INPUT(session_options, of_session, write);
  static const int32_t ids[] = {20, 21}, targets[] = {21, 22};
  PumiceScoreOptions of_score = pumice_score_options_init();
  of_score.ids = ids;
  of_score.targets = targets;
  of_score.count = 2;
  INPUT(score_options, of_score, count);
  PumiceRequestOptions of_request = pumice_request_options_init();
  of_request.ids = ids;
  of_request.count = 2;
  INPUT(request_options, of_request, count);
}

static void test_outputs_of_device(void) {
  OUTPUT(device_info, pumice_device_info_init());
  OUTPUT(device_description, pumice_device_info_init());
  OUTPUT(warm_up_info, pumice_warm_up_info_init());
  OUTPUT(context_stats, pumice_context_stats_init());
  OUTPUT(cache_stats, pumice_cache_stats_init());
  OUTPUT(sequence_info, pumice_sequence_info_init());
  OUTPUT(poll_of, pumice_poll_init());
  OUTPUT(timings_of, pumice_timings_init());
}

/* Of an older header: without anything after kv_type. */
typedef struct OlderContextOptions {
  size_t size;
  const void* next;
  uint32_t context_tokens, max_sequences;
} OlderContextOptions;
typedef struct OlderRequestOptions {
  size_t size;
  const void* next;
  const int32_t* ids;
  size_t count;
  uint32_t max_tokens;
  int32_t ignore_eos;
} OlderRequestOptions;
typedef struct OlderPoll {
  size_t size;
  const void* next;
  PumiceRequestStatus status;
  PumiceResult result;
  const int32_t* ids;
  size_t count;
} OlderPoll;
/* Of a newer one. */
typedef struct NewerRequestOptions {
  PumiceRequestOptions known;
  const void *grammar, *biases; /* which this library knows, as the next ones */
  size_t bias_count;
  int32_t log_probabilities;
  uint32_t top_tokens;
  double typical_p;
} NewerRequestOptions;

/* The same tokens whichever header the program was built with: what a member says arrives, and what a struct does not
 * have is the default. */
static void test_generation(void) {
  const Tokens expected = generate(sequence, fixture.prompt, fixture.prompt_count, 16);
  CHECK(expected.count == 16);
  const OlderContextOptions of_context = {sizeof of_context, NULL, 96, 2};
  PumiceContext* other = NULL;
  CHECK_OK(pumice_context_create(fixture.model, (const PumiceContextOptions*)&of_context, &other));
  if (!other) return;
  PumiceContextStats stats = pumice_context_stats_init();
  CHECK_OK(pumice_context_get_stats(other, &stats));
  CHECK(stats.context_tokens == 96);
  for (int newer = 0; newer < 2; ++newer) {
    PumiceSequence* fresh = make_sequence(other);
    const OlderRequestOptions old = {sizeof old, NULL, fixture.prompt, fixture.prompt_count, 16, 1};
    NewerRequestOptions next = {.known = pumice_request_options_init()};
    next.known.size = sizeof next;
    next.known.ids = fixture.prompt;
    next.known.count = fixture.prompt_count;
    next.known.max_tokens = 16;
    next.known.ignore_eos = 1;
    PumiceRequest* made = NULL;
    CHECK_OK(pumice_request_submit(fresh, newer ? &next.known : (const PumiceRequestOptions*)&old, &made));
    Tokens got = {.count = 0};
    OlderPoll poll = {sizeof poll, NULL, PUMICE_REQUEST_RUNNING, PUMICE_OK, NULL, 0};
    while (made && poll.status == PUMICE_REQUEST_RUNNING) {
      CHECK_OK(pumice_request_wait(made, 60000));
      CHECK_OK(pumice_poll(made, (PumicePoll*)&poll));
      for (size_t i = 0; i < poll.count; ++i) got.ids[got.count++] = poll.ids[i];
    }
    CHECK(same(&got, &expected));
    pumice_request_destroy(made);
    next.typical_p = 0.5;
    CHECK_INVALID(pumice_request_submit(fresh, &next.known, &made));
    pumice_sequence_destroy(fresh);
  }
  pumice_context_destroy(other);
}

static void test_with_device(Fixture* with_device) {
  fixture = *with_device;
  if (!open_model(&fixture)) return;
  with_device->model = fixture.model;
  context = make_context(fixture.model, 256, 4);
  sequence = make_sequence(context);
  test_generation();
  CHECK_OK(pumice_sequence_truncate(sequence, 1));
  test_inputs_of_device();
  PumiceSequence* other = make_sequence(context);
  request = submit(other, fixture.prompt, fixture.prompt_count, 2);
  finish(request);
  test_outputs_of_device();
  pumice_request_destroy(request);
  pumice_sequence_destroy(other);
  pumice_sequence_destroy(sequence);
  pumice_context_destroy(context);
}

int main(void) {
  CHECK_OK(pumice_instance_create(NULL, &fixture.instance));
  const PumiceModelOptions options = model_options(MODEL);
  CHECK_OK(pumice_model_load(fixture.instance, NULL, &options, &fixture.model));
  if (fixture.model) test_without_device();
  pumice_model_destroy(fixture.model);
  pumice_instance_destroy(fixture.instance);
  return run_with_device(test_with_device);
}
