/* Turns on a context: what must not wait for a long call of another thread does not, and callbacks may do what the
 * header says. A call that waited where it must not would wait for ever here. Links the library alone. Exit code 77: no
 * usable Vulkan device. */
#define _POSIX_C_SOURCE 200809L /* what the support header uses of POSIX */

#include <stdatomic.h>
#include <threads.h>

#include "c_api_requests.h"

static const int32_t kIds[] = {20, 21, 22, 23}, kTargets[] = {21, 22, 23, 24};

typedef struct LongCall {
  PumiceContext* context;
  PumiceSequence* sequence;
  PumiceRequest* request; /* of another sequence */
  atomic_int inside, leave, refused;
} LongCall;

static int32_t stay(void* user, size_t first, size_t count, const float* logits, size_t stride) {
  LongCall* call = user;
  (void)first, (void)count, (void)logits, (void)stride;
  atomic_store(&call->inside, 1);
  while (!atomic_load(&call->leave)) thrd_yield();
  return 0;
}

static PumiceResult score(LongCall* call, PumiceLogitsCallback on_logits) {
  PumiceScoreOptions options = pumice_score_options_init();
  options.ids = kIds;
  options.targets = kTargets;
  options.count = 4;
  options.on_logits = on_logits;
  options.on_logits_user = call;
  return pumice_sequence_score(call->sequence, &options);
}

static int score_in_a_thread(void* user) {
  CHECK_OK(score(user, stay));
  return 0;
}

/* While a thread is in a long call: poll, cancel, step, the errors and destroying. */
static void test_what_takes_no_turn(LongCall* call) {
  PumiceSequence* other = make_sequence(call->context);
  PumiceSequence* third = make_sequence(call->context);
  PumiceRequest* request = submit(other, kIds, 4, 100);
  Tokens tokens = {.count = 0};
  CHECK_OK(pumice_request_wait(request, 60000));
  CHECK(collect(request, &tokens) && tokens.count > 0);
  thrd_t thread;
  CHECK(thrd_create(&thread, score_in_a_thread, call) == thrd_success);
  while (!atomic_load(&call->inside)) thrd_yield();
  int32_t busy = 0;
  CHECK_OK(pumice_step(call->context, &busy));
  CHECK(busy);
  CHECK(collect(request, &tokens));
  pumice_request_cancel(request);
  char text[8];
  (void)pumice_context_error(call->context, text, sizeof text);
  pumice_sequence_destroy(third);
  pumice_request_destroy(request);
  atomic_store(&call->leave, 1);
  CHECK(thrd_join(thread, NULL) == thrd_success);
  /* What was destroyed meanwhile is gone: its sequence takes the next request, and its place another sequence. */
  CHECK(generate(other, kIds, 4, 4).count == 4);
  third = make_sequence(call->context);
  pumice_sequence_destroy(third);
  pumice_sequence_destroy(other);
}

static int32_t use_the_context(void* user, size_t first, size_t count, const float* logits, size_t stride) {
  LongCall* call = user;
  (void)first, (void)count, (void)logits, (void)stride;
  Tokens tokens = {.count = 0};
  (void)collect(call->request, &tokens);
  pumice_request_cancel(call->request);
  PumiceContextStats stats = pumice_context_stats_init();
  PumiceSequence* made = NULL;
  CHECK_INVALID(pumice_context_get_stats(call->context, &stats));
  CHECK_INVALID(pumice_sequence_create(call->context, &made));
  CHECK_INVALID(pumice_sequence_truncate(call->sequence, 0));
  CHECK_INVALID(pumice_step(call->context, NULL));
  CHECK_INVALID(pumice_request_wait(call->request, 0));
  CHECK_INVALID(score(call, use_the_context));
  char text[128];
  CHECK(pumice_context_error(call->context, text, sizeof text) > 0 && strstr(text, "callback"));
  atomic_fetch_add(&call->refused, 1);
  pumice_request_destroy(call->request);
  call->request = NULL;
  return 0;
}

static void test_logits_callback(LongCall* call) {
  PumiceSequence* other = make_sequence(call->context);
  call->request = submit(other, kIds, 4, 100);
  CHECK_OK(score(call, use_the_context));
  CHECK(atomic_load(&call->refused) == 1 && !call->request);
  CHECK(generate(other, kIds, 4, 4).count == 4);
  pumice_sequence_destroy(other);
}

typedef struct Save {
  LongCall* call;
  unsigned char data[1 << 20];
  size_t size, calls;
} Save;

static int32_t write_and_generate(void* user, const void* data, size_t size) {
  Save* save = user;
  if (save->size + size > sizeof save->data) return 1;
  memcpy(save->data + save->size, data, size);
  save->size += size;
  ++save->calls;
  PumiceSequence* other = make_sequence(save->call->context);
  CHECK(generate(other, kIds, 4, 3).count == 3);
  pumice_sequence_destroy(other);
  CHECK_INVALID(pumice_sequence_truncate(save->call->sequence, 0));
  PumiceSessionOptions options = pumice_session_options_init();
  options.write = write_and_generate;
  options.write_user = save;
  CHECK_INVALID(pumice_sequence_save(save->call->sequence, &options));
  return 0;
}

/* Others use the context while a session is written. */
static void test_session_callback(LongCall* call, const Fixture* fixture) {
  static Save save;
  save.call = call;
  CHECK_OK(pumice_sequence_truncate(call->sequence, 0));
  (void)generate(call->sequence, fixture->prompt, fixture->prompt_count, 40);
  PumiceSessionOptions options = pumice_session_options_init();
  options.write = write_and_generate;
  options.write_user = &save;
  CHECK_OK(pumice_sequence_save(call->sequence, &options));
  CHECK(save.calls > 3);
  const Tokens expected = generate(call->sequence, kIds, 4, 8);
  PumiceSessionSource source = pumice_session_source_init();
  source.data = save.data;
  source.data_size = save.size;
  PumiceSequence* loaded = NULL;
  CHECK_OK(pumice_sequence_load(call->context, &source, &loaded));
  const Tokens found = generate(loaded, kIds, 4, 8);
  CHECK(same(&found, &expected));
  pumice_sequence_destroy(loaded);
}

static int32_t use_others(void* user, float fraction) {
  const Fixture* fixture = user;
  (void)fraction;
  PumiceModelInfo info = pumice_model_info_init();
  CHECK_OK(pumice_model_get_info(fixture->model, &info));
  char text[8];
  (void)pumice_instance_error(fixture->instance, text, sizeof text);
  (void)pumice_model_error(fixture->model, text, sizeof text);
  (void)pumice_device_error(fixture->device, text, sizeof text);
  return 0;
}

static void test_progress(Fixture* fixture) {
  PumiceModelOptions options = model_options(MODEL);
  options.progress = use_others;
  options.progress_user = fixture;
  PumiceModel* model = NULL;
  CHECK_OK(pumice_model_load(fixture->instance, fixture->device, &options, &model));
  PumiceWarmUpOptions warm_up = pumice_warm_up_options_init();
  warm_up.autotune_seconds = -1;
  warm_up.progress = use_others;
  warm_up.progress_user = fixture;
  CHECK_OK(pumice_model_warm_up(model, &warm_up, NULL));
  pumice_model_destroy(model);
}

static void test_with_device(Fixture* fixture) {
  if (!open_model(fixture)) return;
  static LongCall call;
  call.context = make_context(fixture->model, 512, 4);
  call.sequence = make_sequence(call.context);
  test_what_takes_no_turn(&call);
  test_logits_callback(&call);
  test_session_callback(&call, fixture);
  test_progress(fixture);
  pumice_sequence_destroy(call.sequence);
  pumice_context_destroy(call.context);
}

int main(void) { return run_with_device(test_with_device); }
