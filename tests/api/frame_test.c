/* Generation in a host's frames: whatever the budget, the text is that of pumice_step(), and no frame submits more than
 * it was given but for chunks that are longer than a frame. Exit code 77: no usable Vulkan device. */
#define _POSIX_C_SOURCE 200809L /* what the support header uses of POSIX */

#include <time.h>

#include "c_api_requests.h"

enum { kGenerated = 12, kPrompt = 90 };

static PumiceContext* exact_context(const Fixture* fixture) {
  PumiceCacheOptions cache = pumice_cache_options_init();
  cache.exact = 1;
  PumiceContextOptions options = pumice_context_options_init();
  options.context_tokens = 256;
  options.max_sequences = 2;
  options.cache = &cache;
  PumiceContext* context = NULL;
  CHECK_OK(pumice_context_create(fixture->model, &options, &context));
  return context;
}

static void pause_us(long us) {
  const struct timespec pause = {.tv_nsec = us * 1000};
  nanosleep(&pause, NULL);
}

typedef struct Frames {
  int all, submitting, over; /* over: that submitted more than the budget */
  int most_held;
  double longest_chunk;
} Frames;

/* How a host runs it: a poll and a step in each frame. stepped: every so many frames step without a budget. */
static Tokens run_frames(PumiceRequest* request, PumiceContext* context, double gpu_us, int stepped, Frames* frames) {
  Tokens tokens = {.count = 0};
  while (collect(request, &tokens) && frames->all < 200000) {
    ++frames->all;
    if (stepped && frames->all % stepped == 0) {
      CHECK_OK(pumice_step(context, NULL));
      continue;
    }
    PumiceFrame frame = pumice_frame_init();
    frame.gpu_us = gpu_us;
    CHECK_OK(pumice_step_within(context, &frame));
    frames->submitting += frame.chunks > 0;
    frames->over += frame.submitted_us > gpu_us;
    if ((int)frame.held > frames->most_held) frames->most_held = (int)frame.held;
    if (frame.chunks == 1 && frame.submitted_us > frames->longest_chunk) frames->longest_chunk = frame.submitted_us;
    pause_us(100);
  }
  return tokens;
}

static Tokens in_frames(const Fixture* fixture, const int32_t* prompt, double gpu_us, int stepped, Frames* frames) {
  PumiceContext* context = exact_context(fixture);
  PumiceSequence* sequence = make_sequence(context);
  PumiceRequest* request = submit(sequence, prompt, kPrompt, kGenerated);
  const Tokens tokens = run_frames(request, context, gpu_us, stepped, frames);
  pumice_request_destroy(request);
  pumice_sequence_destroy(sequence);
  pumice_context_destroy(context);
  return tokens;
}

static void test_budgets(const Fixture* fixture, const int32_t* prompt, const Tokens* expected) {
  static const double kBudgets[] = {20, 1000, 1e9};
  for (size_t i = 0; i < sizeof kBudgets / sizeof kBudgets[0]; ++i) {
    Frames frames = {.all = 0};
    const Tokens tokens = in_frames(fixture, prompt, kBudgets[i], 0, &frames);
    CHECK(same(&tokens, expected));
    CHECK(frames.submitting > 0);
    /* With all the time in the world everything is known to fit; with next to none a chunk goes by itself. */
    if (kBudgets[i] == 1e9) CHECK(frames.over == 0);
    if (kBudgets[i] == 20) CHECK(frames.submitting > kGenerated && frames.most_held > 0);
  }
}

/* Nothing is submitted without time, and what is held goes when somebody waits, steps, cancels or leaves. */
static void test_held_work(const Fixture* fixture, const int32_t* prompt, const Tokens* expected) {
  PumiceContext* context = exact_context(fixture);
  PumiceSequence* sequence = make_sequence(context);
  PumiceRequest* request = submit(sequence, prompt, kPrompt, kGenerated);
  PumiceFrame frame = pumice_frame_init();
  for (int i = 0; i < 200; ++i) {
    CHECK_OK(pumice_step_within(context, &frame));
    CHECK(frame.busy && frame.submitted_us == 0);
    if (frame.held > 0) break;
    pause_us(10000); /* pipelines are being made */
  }
  CHECK(frame.held > 0);
  const Tokens waited = finish(request);
  CHECK(same(&waited, expected));
  pumice_request_destroy(request);
  pumice_sequence_destroy(sequence);

  Frames frames = {.all = 0};
  const Tokens mixed = in_frames(fixture, prompt, 200, 7, &frames);
  CHECK(same(&mixed, expected));

  sequence = make_sequence(context);
  request = submit(sequence, prompt, kPrompt, kGenerated);
  for (int i = 0; i < 5; ++i) CHECK_OK(pumice_step_within(context, &frame));
  pumice_request_cancel(request);
  pumice_request_destroy(request);
  pumice_sequence_destroy(sequence);
  sequence = make_sequence(context);
  request = submit(sequence, prompt, kPrompt, kGenerated);
  for (int i = 0; i < 5; ++i) CHECK_OK(pumice_step_within(context, &frame));
  pumice_context_destroy(context); /* with work that is held */
  pumice_sequence_destroy(sequence);
  pumice_request_destroy(request);
}

static void test_refused(const Fixture* fixture) {
  PumiceContext* context = exact_context(fixture);
  PumiceFrame frame = pumice_frame_init();
  CHECK_OK(pumice_step_within(context, &frame));
  CHECK(!frame.busy && frame.chunks == 0 && frame.held == 0);
  CHECK_INVALID(pumice_step_within(context, NULL));
  frame.gpu_us = -1;
  CHECK_INVALID(pumice_step_within(context, &frame));
  CHECK_INVALID(pumice_step_within(NULL, &frame));
  pumice_context_destroy(context);
}

static void test_frames(Fixture* fixture) {
  if (!open_model(fixture)) return;
  int32_t prompt[kPrompt];
  for (int i = 0; i < kPrompt; ++i) prompt[i] = 10 + 13 * i % 900;
  PumiceContext* context = exact_context(fixture);
  PumiceSequence* sequence = make_sequence(context);
  const Tokens expected = generate(sequence, prompt, kPrompt, kGenerated);
  CHECK(expected.count == kGenerated);
  pumice_sequence_destroy(sequence);
  pumice_context_destroy(context);
  test_budgets(fixture, prompt, &expected);
  test_held_work(fixture, prompt, &expected);
  test_refused(fixture);
}

int main(void) { return run_with_device(test_frames); }
