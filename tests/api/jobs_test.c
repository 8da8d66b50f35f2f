/* Loading, warming up, sessions as jobs that are polled and cancelled, and a model file that is read by the host.
 * Exit code 77: no usable Vulkan device. */
#define _POSIX_C_SOURCE 200809L /* what the support header uses of POSIX */

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "c_api_requests.h"

enum { kGenerated = 12, kPrompt = 500 };

static void pause_us(long us) {
  const struct timespec pause = {.tv_nsec = us * 1000};
  nanosleep(&pause, NULL);
}

static double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

/* A file that the host reads, slowly where it is told so. */
typedef struct Pack {
  FILE* file;
  long pause_us;
  atomic_int reads, inside, fail_at;
  size_t largest;
} Pack;

static int32_t read_pack(void* user, uint64_t offset, void* buffer, size_t size) {
  Pack* pack = user;
  CHECK(++pack->inside == 1);
  if (size > pack->largest) pack->largest = size;
  if (pack->pause_us) pause_us(pack->pause_us);
  const int read = ++pack->reads;
  int32_t failed = fseek(pack->file, (long)offset, SEEK_SET) != 0 || fread(buffer, 1, size, pack->file) != size;
  if (pack->fail_at && read >= pack->fail_at) failed = 1;
  --pack->inside;
  return failed;
}

static PumiceModelOptions pack_options(Pack* pack) {
  PumiceModelOptions options = pumice_model_options_init();
  pack->file = fopen(MODEL, "rb");
  CHECK(pack->file && fseek(pack->file, 0, SEEK_END) == 0);
  options.read = read_pack;
  options.read_user = pack;
  options.read_size = (uint64_t)ftell(pack->file);
  return options;
}

/* What the job made of it; how long a poll took at most. */
static PumiceJobPoll wait_for(PumiceJob* job) {
  PumiceJobPoll poll = pumice_job_poll_init();
  for (int i = 0; i < 60000 && !poll.done; ++i) {
    const double fraction = poll.fraction;
    CHECK_OK(pumice_job_poll(job, &poll));
    CHECK(poll.fraction >= fraction && poll.fraction <= 1);
    pause_us(1000);
  }
  CHECK(poll.done);
  return poll;
}

/* Cancels it, which must show at once. */
static void cancel(PumiceJob* job) {
  const double start = now_ms();
  pumice_job_cancel(job);
  PumiceJobPoll poll = pumice_job_poll_init();
  CHECK_OK(pumice_job_poll(job, &poll));
  CHECK(now_ms() - start < 20);
  CHECK(poll.done && poll.result == PUMICE_CANCELLED);
}

static atomic_int begun, ended;
static pthread_t caller;
static void thread_begins(void* user) {
  CHECK(user == &begun && !pthread_equal(pthread_self(), caller));
  ++begun;
}
static void thread_ends(void* user) {
  CHECK(user == &begun && !pthread_equal(pthread_self(), caller));
  ++ended;
}

/* The logits after a prompt: the same bits from the file itself and by way of the callback, in a job. */
static void logits_of(PumiceModel* model, const Fixture* fixture, float* logits, size_t count) {
  PumiceContext* context = make_context(model, 256, 1);
  PumiceSequence* sequence = make_sequence(context);
  CHECK_OK(pumice_sequence_evaluate(sequence, fixture->prompt, fixture->prompt_count, logits, count));
  pumice_sequence_destroy(sequence);
  pumice_context_destroy(context);
}

static void test_loads(const Fixture* fixture) {
  PumiceModelInfo info = pumice_model_info_init();
  CHECK_OK(pumice_model_get_info(fixture->model, &info));
  const size_t count = info.vocabulary;
  float *expected = calloc(count, sizeof *expected), *logits = calloc(count, sizeof *logits);
  logits_of(fixture->model, fixture, expected, count);
  PumiceJobOptions options = pumice_job_options_init();
  options.thread_begins = thread_begins;
  options.thread_ends = thread_ends;
  options.thread_user = &begun;
  Pack pack = {.pause_us = 0};
  for (int by_callback = 0; by_callback < 2; ++by_callback) {
    const PumiceModelOptions given = by_callback ? pack_options(&pack) : model_options(MODEL);
    PumiceJob* job = NULL;
    PumiceModel* model = NULL;
    CHECK_OK(pumice_model_load_begin(fixture->instance, fixture->device, &given, &options, &job));
    const PumiceJobPoll poll = wait_for(job);
    CHECK(poll.result == PUMICE_OK && poll.fraction == 1);
    CHECK_OK(pumice_job_take_model(job, &model));
    CHECK_INVALID(pumice_job_take_model(job, &model));
    pumice_job_cancel(job);
    pumice_job_destroy(job);
    CHECK(begun == by_callback + 1 && ended == begun);
    memset(logits, 0, count * sizeof *logits);
    logits_of(model, fixture, logits, count);
    CHECK(memcmp(logits, expected, count * sizeof *logits) == 0);
    pumice_model_destroy(model);
  }
  CHECK(pack.reads > 1);
  fclose(pack.file);
  free(expected);
  free(logits);
}

static void test_failing_reads(const Fixture* fixture) {
  Pack pack = {.pause_us = 0};
  PumiceModelOptions given = pack_options(&pack);
  PumiceModel* model = NULL;
  CHECK_OK(pumice_model_load(fixture->instance, NULL, &given, &model)); /* metadata alone */
  pumice_model_destroy(model);
  const int metadata = pack.reads;
  for (int at = 1; at < metadata + 3; ++at) {
    pack.reads = 0;
    pack.fail_at = at;
    CHECK_RESULT(PUMICE_IO, pumice_model_load(fixture->instance, fixture->device, &given, &model));
  }
  PumiceJob* job = NULL;
  CHECK_OK(pumice_model_load_begin(fixture->instance, fixture->device, &given, NULL, &job));
  CHECK(wait_for(job).result == PUMICE_IO);
  char message[256];
  CHECK(pumice_job_error(job, message, sizeof message) > 0 && strstr(message, "read function"));
  CHECK_INVALID(pumice_job_take_model(job, &model));
  pumice_job_destroy(job);
  pack.fail_at = 0;
  given.read_size /= 2;
  CHECK_RESULT(PUMICE_MALFORMED, pumice_model_load(fixture->instance, NULL, &given, &model));
  given.path = MODEL;
  CHECK_INVALID(pumice_model_load(fixture->instance, NULL, &given, &model));
  fclose(pack.file);
}

static void test_cancelled_load(const Fixture* fixture) {
  Pack pack = {.pause_us = 20000};
  const PumiceModelOptions given = pack_options(&pack);
  for (int wait = 0; wait < 3; ++wait) {
    PumiceJob* job = NULL;
    PumiceModel* model = NULL;
    CHECK_OK(pumice_model_load_begin(fixture->instance, fixture->device, &given, NULL, &job));
    pause_us(40000 * wait);
    cancel(job);
    CHECK_INVALID(pumice_job_take_model(job, &model));
    pumice_job_destroy(job);
  }
  fclose(pack.file);
}

static void test_cancelled_warm_up(const Fixture* fixture) {
  PumiceWarmUpOptions options = pumice_warm_up_options_init();
  options.kv_type = PUMICE_KV_Q8_0;
  PumiceJob* job = NULL;
  CHECK_OK(pumice_model_warm_up_begin(fixture->model, &options, NULL, &job));
  pause_us(30000);
  PumiceJobPoll poll = pumice_job_poll_init();
  CHECK_OK(pumice_job_poll(job, &poll));
  CHECK(!poll.done);
  cancel(job);
  pumice_job_destroy(job);
}

/* Told at once, whatever is in flight; and the sequence can be used at once. */
static void test_cancelled_prefill(const Fixture* fixture) {
  int32_t prompt[kPrompt];
  for (int i = 0; i < kPrompt; ++i) prompt[i] = 10 + 13 * i % 900;
  PumiceContext* context = make_context(fixture->model, 1024, 1);
  PumiceSequence* sequence = make_sequence(context);
  const Tokens expected = generate(sequence, fixture->prompt, fixture->prompt_count, kGenerated);
  CHECK_OK(pumice_sequence_truncate(sequence, 0));
  for (int steps = 1; steps < 4; ++steps) {
    PumiceRequest* request = submit(sequence, prompt, kPrompt, 4);
    for (int i = 0; i < steps; ++i) CHECK_OK(pumice_step(context, NULL));
    const double start = now_ms();
    pumice_request_cancel(request);
    Tokens none = {.count = 0};
    CHECK(!collect(request, &none) && none.status == PUMICE_REQUEST_CANCELLED);
    CHECK(now_ms() - start < 20);
    CHECK_OK(pumice_sequence_truncate(sequence, 0));
    const Tokens tokens = generate(sequence, fixture->prompt, fixture->prompt_count, kGenerated);
    CHECK(same(&tokens, &expected));
    CHECK_OK(pumice_sequence_truncate(sequence, 0));
    pumice_request_destroy(request);
  }
  pumice_sequence_destroy(sequence);
  pumice_context_destroy(context);
}

static void test_sessions(const Fixture* fixture) {
  char path[] = "/tmp/pumice-jobs-XXXXXX";
  const int file = mkstemp(path);
  CHECK(file >= 0);
  close(file);
  PumiceContext* context = make_context(fixture->model, 256, 2);
  PumiceSequence* sequence = make_sequence(context);
  CHECK(generate(sequence, fixture->prompt, fixture->prompt_count, kGenerated).count == kGenerated);
  PumiceSessionOptions options = pumice_session_options_init();
  options.path = path;
  PumiceJob* job = NULL;
  CHECK_OK(pumice_sequence_save_begin(sequence, &options, NULL, &job));
  CHECK(wait_for(job).result == PUMICE_OK);
  pumice_job_destroy(job);
  PumiceSessionSource source = pumice_session_source_init();
  source.path = path;
  CHECK_OK(pumice_sequence_load_begin(context, &source, NULL, &job));
  CHECK(wait_for(job).result == PUMICE_OK);
  PumiceSequence* loaded = NULL;
  PumiceModel* none = NULL;
  CHECK_INVALID(pumice_job_take_model(job, &none));
  CHECK_OK(pumice_job_take_sequence(job, &loaded));
  pumice_job_destroy(job);
  const Tokens expected = generate(sequence, fixture->prompt, 2, 6), tokens = generate(loaded, fixture->prompt, 2, 6);
  CHECK(same(&tokens, &expected));
  CHECK_OK(pumice_sequence_load_begin(context, &source, NULL, &job)); /* there is no room for a third */
  CHECK(wait_for(job).result == PUMICE_OUT_OF_DEVICE_MEMORY);
  pumice_job_destroy(job);
  CHECK_OK(pumice_sequence_save_begin(sequence, &options, NULL, &job));
  cancel(job);
  pumice_job_destroy(job);
  CHECK_INVALID(pumice_job_poll(NULL, NULL));
  pumice_sequence_destroy(loaded);
  pumice_sequence_destroy(sequence);
  pumice_context_destroy(context);
  remove(path);
}

static void test_jobs(Fixture* fixture) {
  caller = pthread_self();
  if (!open_model(fixture)) return;
  test_loads(fixture);
  test_failing_reads(fixture);
  test_cancelled_load(fixture);
  test_cancelled_warm_up(fixture);
  test_cancelled_prefill(fixture);
  test_sessions(fixture);
}

int main(void) { return run_with_device(test_jobs); }
