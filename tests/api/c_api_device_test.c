/* The C interface with a device: generation, refused requests, cancelling, lifetimes. Links the library alone.
 * Exit code 77: no usable Vulkan device. */
#define _POSIX_C_SOURCE 200809L /* what the support header uses of POSIX */

#include <math.h>
#include <threads.h>

#include "c_api_requests.h"

enum { kGenerated = 16 };

static void test_generation(const Fixture* fixture) {
  PumiceContext* context = make_context(fixture->model, 256, 1);
  PumiceContext* other = make_context(fixture->model, 256, 1);
  if (!context || !other) return;
  const Tokens tokens = generate_fresh(context, fixture, kGenerated);
  CHECK(tokens.count == kGenerated && tokens.status == PUMICE_REQUEST_FINISHED_LENGTH);
  const Tokens again = generate_fresh(other, fixture, kGenerated);
  CHECK(same(&tokens, &again));

  PumiceSequence* sequence = make_sequence(context);
  static float logits[4096];
  CHECK_OK(pumice_sequence_evaluate(sequence, fixture->prompt, fixture->prompt_count, logits, 4096));
  int32_t best = 0;
  for (int32_t i = 0; i < 4096; ++i) {
    CHECK(isfinite(logits[i]));
    if (logits[i] > logits[best]) best = i;
  }
  CHECK(best == tokens.ids[0]);
  CHECK_INVALID(pumice_sequence_evaluate(sequence, fixture->prompt, 1, logits, 4095));
  CHECK_INVALID(pumice_sequence_evaluate(sequence, fixture->prompt, 0, logits, 4096));

  /* Taking back a part of the prompt and all that followed, and going on from there. */
  CHECK_OK(pumice_sequence_truncate(sequence, 2));
  PumiceSequenceInfo info = pumice_sequence_info_init();
  CHECK_OK(pumice_sequence_get_info(sequence, &info));
  CHECK(info.tokens == 2 && info.computed <= 2);
  const Tokens resumed = generate(sequence, fixture->prompt + 2, fixture->prompt_count - 2, kGenerated);
  CHECK(same(&tokens, &resumed));
  CHECK_INVALID(pumice_sequence_truncate(sequence, 100000));
  pumice_sequence_destroy(sequence);

  PumiceContextStats stats = pumice_context_stats_init();
  CHECK_OK(pumice_context_get_stats(context, &stats));
  CHECK(stats.context_tokens >= 256 && stats.pages_used == 0 && stats.decode_tokens > 0);
  pumice_context_destroy(other);
  pumice_context_destroy(context);
}

static int32_t count_rows(void* user, size_t first, size_t count, const float* logits, size_t stride) {
  size_t* rows = user;
  CHECK(first == *rows && stride >= 4096 && isfinite(logits[(count - 1) * stride]));
  *rows += count;
  return 0;
}

static int32_t stop_at_once(void* user, size_t first, size_t count, const float* logits, size_t stride) {
  (void)user, (void)first, (void)count, (void)logits, (void)stride;
  return 1;
}

static void test_scoring(const Fixture* fixture) {
  PumiceContext* context = make_context(fixture->model, 64, 1);
  if (!context) return;
  PumiceSequence* sequence = make_sequence(context);
  float logits[4096], scores[kMaxIds];
  CHECK_OK(pumice_sequence_evaluate(sequence, fixture->prompt, 1, logits, 4096));
  double sum = 0;
  for (int i = 0; i < 4096; ++i) sum += exp((double)logits[i]);
  const double expected = (double)logits[fixture->prompt[1]] - log(sum);
  CHECK_OK(pumice_sequence_truncate(sequence, 0));

  size_t rows = 0;
  PumiceScoreOptions options = pumice_score_options_init();
  options.ids = fixture->prompt;
  options.targets = fixture->prompt + 1;
  options.count = fixture->prompt_count - 1;
  options.log_probabilities = scores;
  options.on_logits = count_rows;
  options.on_logits_user = &rows;
  CHECK_OK(pumice_sequence_score(sequence, &options));
  CHECK(rows == options.count);
  CHECK(fabs((double)scores[0] - expected) < 1e-4);
  CHECK(fabs((double)scores[1] - expected) > 1e-3);

  options.on_logits = stop_at_once;
  CHECK(pumice_sequence_score(sequence, &options) == PUMICE_CANCELLED);
  PumiceSequenceInfo info = pumice_sequence_info_init();
  CHECK_OK(pumice_sequence_get_info(sequence, &info));
  CHECK(info.tokens == options.count && info.dropped == 0);
  options.targets = NULL;
  CHECK_INVALID(pumice_sequence_score(sequence, &options));
  CHECK_INVALID(pumice_sequence_score(sequence, NULL));
  CHECK_INVALID(pumice_sequence_score(NULL, &options));
  pumice_sequence_destroy(sequence);
  pumice_context_destroy(context);
}

static void test_two_sequences(const Fixture* fixture) {
  PumiceContext* context = make_context(fixture->model, 256, 2);
  if (!context) return;
  const Tokens alone = generate_fresh(context, fixture, kGenerated);
  PumiceSequence* first = make_sequence(context);
  PumiceSequence* second = make_sequence(context);
  PumiceSequence* third = NULL;
  CHECK(pumice_sequence_create(context, &third) != PUMICE_OK);
  CHECK(third == NULL);
  PumiceRequest* a = submit(first, fixture->prompt, fixture->prompt_count, kGenerated);
  PumiceRequest* b = submit(second, fixture->prompt, fixture->prompt_count, kGenerated);
  const Tokens a_tokens = finish(a), b_tokens = finish(b);
  CHECK(same(&alone, &a_tokens));
  CHECK(same(&alone, &b_tokens));
  int32_t busy = 1;
  CHECK_OK(pumice_step(context, &busy));
  CHECK(busy == 0);
  PumiceTimings timings = pumice_timings_init();
  CHECK_OK(pumice_request_timings(a, &timings));
  CHECK(timings.prompt_tokens == fixture->prompt_count && timings.generated_tokens == kGenerated);
  pumice_request_destroy(a);
  pumice_request_destroy(b);
  pumice_sequence_destroy(first);
  pumice_sequence_destroy(second);
  pumice_context_destroy(context);
}

static void test_refused_requests(const Fixture* fixture) {
  PumiceContext* context = make_context(fixture->model, 64, 1);
  if (!context) return;
  PumiceSequence* sequence = make_sequence(context);
  PumiceRequestOptions options = pumice_request_options_init();
  PumiceRequest* request = NULL;
  CHECK_INVALID(pumice_request_submit(sequence, NULL, &request));
  CHECK_INVALID(pumice_request_submit(sequence, &options, &request)); /* no ids */
  int32_t ids[kMaxIds];
  for (size_t i = 0; i < kMaxIds; ++i) ids[i] = 100;
  options.ids = ids;
  options.count = kMaxIds;
  CHECK_RESULT(PUMICE_CONTEXT_FULL, pumice_request_submit(sequence, &options, &request));
  options.count = 1;
  ids[0] = 4096;
  CHECK_INVALID(pumice_request_submit(sequence, &options, &request));
  ids[0] = -1;
  CHECK_INVALID(pumice_request_submit(sequence, &options, &request));
  ids[0] = 100;
  CHECK_INVALID(pumice_request_submit(sequence, &options, NULL));
  options.size = sizeof(size_t);
  CHECK_INVALID(pumice_request_submit(sequence, &options, &request));
  CHECK(request == NULL);

  request = submit(sequence, fixture->prompt, fixture->prompt_count, 4);
  PumiceRequest* second = NULL;
  options.size = sizeof(options);
  CHECK_INVALID(pumice_request_submit(sequence, &options, &second)); /* one request a sequence */
  CHECK_INVALID(pumice_sequence_truncate(sequence, 0));
  PumicePoll small = pumice_poll_init();
  small.size = sizeof(size_t);
  CHECK_INVALID(pumice_poll(request, &small));
  CHECK_INVALID(pumice_poll(request, NULL));
  CHECK(finish(request).count == 4);
  pumice_request_destroy(request);
  const Tokens rest = generate(sequence, ids, 1, 0); /* until nothing more fits */
  CHECK(rest.status == PUMICE_REQUEST_FINISHED_CONTEXT && rest.count > 16);
  pumice_sequence_destroy(sequence);
  pumice_context_destroy(context);
}

static int cancel_it(void* request) {
  pumice_request_cancel((PumiceRequest*)request);
  return 0;
}

static void test_cancel(const Fixture* fixture) {
  PumiceContext* context = make_context(fixture->model, 512, 1);
  if (!context) return;
  PumiceSequence* sequence = make_sequence(context);
  PumiceRequest* request = submit(sequence, fixture->prompt, fixture->prompt_count, 0);
  Tokens tokens = {.count = 0};
  while (tokens.count == 0 && pumice_request_wait(request, 60000) == PUMICE_OK && collect(request, &tokens)) {
  }
  thrd_t thread;
  CHECK(thrd_create(&thread, cancel_it, request) == thrd_success);
  CHECK(thrd_join(thread, NULL) == thrd_success);
  const Tokens rest = finish(request);
  CHECK(rest.status == PUMICE_REQUEST_CANCELLED);
  CHECK(tokens.count + rest.count < 400);
  pumice_request_destroy(request);
  /* The sequence can be used again. */
  CHECK_OK(pumice_sequence_truncate(sequence, 0));
  CHECK(generate(sequence, fixture->prompt, fixture->prompt_count, 4).count == 4);
  request = submit(sequence, fixture->prompt, 1, 0);
  CHECK_OK(pumice_step(context, NULL));
  pumice_request_destroy(request); /* while it runs */
  pumice_sequence_destroy(sequence);
  pumice_context_destroy(context);
}

static int32_t count_calls(void* user, float fraction) {
  CHECK(fraction >= 0 && fraction <= 1);
  ++*(int*)user;
  return 0;
}
static int32_t cancel_at_once(void* user, float fraction) {
  (void)user;
  (void)fraction;
  return 1;
}

static void test_warm_up(const Fixture* fixture) {
  int calls = 0;
  PumiceWarmUpOptions options = pumice_warm_up_options_init();
  PumiceWarmUpInfo info = pumice_warm_up_info_init();
  options.autotune_seconds = -1;
  options.progress = count_calls;
  options.progress_user = &calls;
  CHECK_OK(pumice_model_warm_up(fixture->model, &options, &info));
  CHECK(calls > 0 && info.pipelines > 0 && info.tuned == 0);
  options.progress = cancel_at_once;
  CHECK(pumice_model_warm_up(fixture->model, &options, NULL) == PUMICE_CANCELLED);
  CHECK(pumice_model_warm_up(NULL, NULL, NULL) == PUMICE_INVALID_ARGUMENT);
  options.size = 1;
  CHECK(pumice_model_warm_up(fixture->model, &options, NULL) == PUMICE_INVALID_ARGUMENT);
}

static void test_destroy_parents_first(void) {
  PumiceInstance* instance = NULL;
  PumiceDevice* device = NULL;
  PumiceModel* model = NULL;
  CHECK_OK(pumice_instance_create(NULL, &instance));
  CHECK_OK(pumice_device_create_auto(instance, NULL, &device));
  size_t size = 0;
  void* data = read_file(MODEL, &size);
  PumiceModelOptions options = model_options(NULL);
  options.data = data;
  options.data_size = size;
  CHECK_OK(pumice_model_load(instance, device, &options, &model));
  pumice_instance_destroy(instance);
  PumiceContext* context = make_context(model, 128, 1);
  pumice_device_destroy(device);
  PumiceSequence* sequence = make_sequence(context);
  pumice_model_destroy(model);
  const int32_t id = 4095;
  PumiceRequest* request = submit(sequence, &id, 1, 8);
  pumice_sequence_destroy(sequence);
  pumice_context_destroy(context);
  const Tokens tokens = finish(request);
  CHECK(tokens.count == 8 || tokens.status == PUMICE_REQUEST_CANCELLED);
  pumice_request_destroy(request);
  free(data);
}

/* Types of keys and of values: what a token takes, as estimated and as made, and that they generate. */
static void test_with_device(Fixture* fixture) {
  PumiceDeviceInfo info = pumice_device_info_init();
  CHECK_OK(pumice_device_describe(fixture->device, &info));
  CHECK(info.usable);
  CHECK_INVALID(pumice_device_describe(fixture->device, NULL));
  if (!open_model(fixture)) return;
  PumiceContext* none = NULL;
  PumiceContextOptions bad = pumice_context_options_init();
  bad.max_sequences = 100000;
  CHECK_INVALID(pumice_context_create(fixture->model, &bad, &none));
  bad = pumice_context_options_init();
  bad.size = sizeof(size_t);
  CHECK_INVALID(pumice_context_create(fixture->model, &bad, &none));
  CHECK(none == NULL);
  test_generation(fixture);
  test_scoring(fixture);
  test_two_sequences(fixture);
  test_refused_requests(fixture);
  test_cancel(fixture);
  test_warm_up(fixture);
  test_destroy_parents_first();
}

int main(void) { return run_with_device(test_with_device); }
