/* A device that is lost at any submission: calls say so at once, and on another device the same text goes on.
 * Exit code 77: no usable Vulkan device. */
#define _POSIX_C_SOURCE 200809L /* what the support header uses of POSIX */

#include <time.h>

#include "c_api_requests.h"
#include "vulkan_host.h"

enum { kGenerated = 8, kPrompt = 70 };

static int32_t prompt[kPrompt];
static PumiceInstance* instance;
static Host host;
static LeastDevice least;
static int lost; /* devices */

/* A device and a model on it; the VkDevice stays the same, as only Pumice takes it for lost. */
static Fixture open_device(void) {
  Fixture fixture = {.instance = instance};
  PumiceVkImport import = import_of(&host, least_device(&host, &least));
  import.submit = host_submit;
  import.queue_user = &host;
  PumiceDeviceOptions options = pumice_device_options_init();
  options.disable_autotune = 1;
  CHECK_OK(pumice_device_import(instance, &import, &options, &fixture.device));
  if (fixture.device) open_model(&fixture);
  return fixture;
}

static void close_device(Fixture* fixture) {
  pumice_model_destroy(fixture->model);
  pumice_device_destroy(fixture->device);
}

static double now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return 1e3 * (double)now.tv_sec + 1e-6 * (double)now.tv_nsec;
}

static PumiceRequest* submit_drawn(PumiceSequence* sequence) {
  PumiceRequestOptions options = pumice_request_options_init();
  options.ids = prompt;
  options.count = kPrompt;
  options.max_tokens = kGenerated;
  options.ignore_eos = 1;
  options.temperature = 0.9f;
  options.repeat_penalty = 1.1f;
  options.seed = 11;
  PumiceRequest* request = NULL;
  CHECK_OK(pumice_request_submit(sequence, &options, &request));
  return request;
}

static PumiceResult advance(PumiceContext* context, PumiceRequest* request, double gpu_us) {
  if (gpu_us == 0) return pumice_request_wait(request, 60000);
  PumiceFrame frame = pumice_frame_init();
  frame.gpu_us = gpu_us;
  const PumiceResult result = pumice_step_within(context, &frame);
  const struct timespec pause = {.tv_nsec = 200000};
  nanosleep(&pause, NULL);
  return result;
}

/* What calls say of a lost device, and how soon. */
static void check_lost(const Fixture* fixture, PumiceContext* context, PumiceSequence* sequence,
                       PumiceRequest* request) {
  const double start = now_ms();
  CHECK_RESULT(PUMICE_DEVICE_LOST, pumice_step(context, NULL));
  CHECK_RESULT(PUMICE_DEVICE_LOST, pumice_request_wait(request, 60000));
  PumicePoll poll = pumice_poll_init();
  CHECK_OK(pumice_poll(request, &poll));
  CHECK(poll.status == PUMICE_REQUEST_RUNNING && poll.paused == PUMICE_DEVICE_LOST && poll.count == 0);
  float logits[1];
  CHECK_RESULT(PUMICE_DEVICE_LOST, pumice_sequence_evaluate(sequence, prompt, 1, logits, SIZE_MAX));
  PumiceContext* other = NULL;
  CHECK_RESULT(PUMICE_DEVICE_LOST, pumice_context_create(fixture->model, NULL, &other));
  PumiceModel* model = NULL;
  const PumiceModelOptions options = model_options(MODEL);
  CHECK_RESULT(PUMICE_DEVICE_LOST, pumice_model_load(instance, fixture->device, &options, &model));
  CHECK_RESULT(PUMICE_DEVICE_LOST, pumice_model_warm_up(fixture->model, NULL, NULL));
  CHECK(now_ms() - start < 1000);
}

/* By the call, or in a job, with frames that go on meanwhile. */
static void rebind(PumiceContext* context, PumiceModel* model, int as_job) {
  if (as_job % 2 == 0) {
    CHECK_OK(pumice_context_rebind(context, model));
    return;
  }
  PumiceJob* job = NULL;
  CHECK_OK(pumice_context_rebind_begin(context, model, NULL, &job));
  PumiceJobPoll poll = pumice_job_poll_init();
  while (job && !poll.done) {
    PumiceFrame frame = pumice_frame_init();
    const PumiceResult stepped = pumice_step_within(context, &frame);
    CHECK(stepped == PUMICE_OK || stepped == PUMICE_DEVICE_LOST);
    CHECK_OK(pumice_job_poll(job, &poll));
  }
  CHECK_OK(poll.result);
  pumice_job_destroy(job);
}

/* The text with a loss at that submission (0: none), and what follows it in the same sequence. */
static Tokens text_with_loss(Fixture* fixture, int lose_at, double gpu_us, int* submissions) {
  PumiceContext* context = make_context(fixture->model, 256, 2);
  PumiceSequence* idle = make_sequence(context);
  CHECK(generate(idle, prompt, 40, 2).count == 2);
  PumiceSequence* sequence = make_sequence(context);
  PumiceRequest* request = submit_drawn(sequence);
  Tokens tokens = {.count = 0};
  host_submissions = 0;
  host_lose_at = lose_at;
  for (int steps = 0; steps < 100000; ++steps) {
    const PumiceResult result = advance(context, request, gpu_us);
    const int running = collect(request, &tokens);
    if (result == PUMICE_DEVICE_LOST) {
      CHECK(running);
      check_lost(fixture, context, sequence, request);
      host_lose_at = 0;
      Fixture next = open_device();
      rebind(context, next.model, lose_at);
      close_device(fixture);
      *fixture = next;
    } else {
      CHECK_OK(result);
    }
    if (!running) break;
  }
  *submissions = host_submissions;
  const int reached = host_lose_at == 0;
  host_lose_at = 0; /* how many steps go ahead of the last one depends on when they finish */
  lost += reached && lose_at;
  pumice_request_destroy(request);
  const Tokens more = generate(idle, prompt, 3, 4); /* a sequence on which nothing ran */
  for (size_t i = 0; i < more.count; ++i) tokens.ids[tokens.count++] = more.ids[i];
  pumice_sequence_destroy(sequence);
  pumice_sequence_destroy(idle);
  pumice_context_destroy(context);
  return tokens;
}

/* A run tries every fourth submission: PUMICE_TEST_SLICE says which, or "all"; see tests/support/slice.h. */
static void test_losses(void) {
  const char* const slice = getenv("PUMICE_TEST_SLICE");
  const int each = slice && strcmp(slice, "all") == 0 ? 1 : 4, first = 1 + (slice ? atoi(slice) % each : 0);
  Fixture fixture = open_device();
  int all = 0, ignored = 0;
  const Tokens expected = text_with_loss(&fixture, 0, 0, &all);
  CHECK(expected.count == kGenerated + 4);
  CHECK(all >= kGenerated);
  for (int at = first; at <= all; at += each) {
    const Tokens tokens = text_with_loss(&fixture, at, 0, &ignored);
    CHECK(same(&tokens, &expected));
  }
  CHECK(lost >= kGenerated / each);
  lost = 0;
  const Tokens in_frames = text_with_loss(&fixture, 0, 1e6, &all);
  CHECK(same(&in_frames, &expected));
  for (int at = 1; at <= all; at += 9 * each) {
    const Tokens tokens = text_with_loss(&fixture, at, 1e6, &ignored);
    CHECK(same(&tokens, &expected));
  }
  CHECK(lost >= 1);
  CHECK_INVALID(pumice_context_rebind(NULL, fixture.model));
  PumiceJob* job = NULL;
  CHECK_INVALID(pumice_context_rebind_begin(NULL, fixture.model, NULL, &job));
  close_device(&fixture);
}

int main(void) {
  FILE* captured = capture_stdout();
  for (int i = 0; i < kPrompt; ++i) prompt[i] = 10 + 13 * i % 900;
  CHECK_OK(pumice_instance_create(NULL, &instance));
  const int usable = host_open(&host);
  if (usable) {
    if (host_create_device(&host, least_device(&host, &least))) test_losses();
    CHECK(host_forbidden == 0);
    host_destroy_device(&host);
    CHECK(host_messages == 0);
    host_close(&host);
  }
  pumice_instance_destroy(instance);
  return end_of_test(captured, !usable);
}
