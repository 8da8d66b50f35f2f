/* The device's memory budget is lowered and raised while requests run: no token is lost or another one.
 * Exit code 77: no usable Vulkan device. */
#define _POSIX_C_SOURCE 200809L /* what the support header uses of POSIX */

#include <time.h>

#include "c_api_requests.h"

enum { kGenerated = 40, kPrompt = 100, kContext = 8192 };

static int32_t prompts[2][kPrompt];

static PumiceContext* context_with(const Fixture* fixture, int exact, uint64_t ram_bytes) {
  PumiceCacheOptions cache = pumice_cache_options_init();
  cache.exact = exact;
  cache.ram_bytes = ram_bytes;
  PumiceContextOptions options = pumice_context_options_init();
  options.context_tokens = kContext;
  options.max_sequences = 3;
  options.cache = &cache;
  PumiceContext* context = NULL;
  CHECK_OK(pumice_context_create(fixture->model, &options, &context));
  return context;
}

static PumiceDeviceMemory memory_of(const Fixture* fixture) {
  PumiceDeviceMemory memory = pumice_device_memory_init();
  CHECK_OK(pumice_device_get_memory(fixture->device, &memory));
  return memory;
}

typedef struct Seen {
  int paused, shrunk; /* polls that told of a pause; steps within a budget below the first use */
  int within;         /* the budget was kept */
} Seen;

/* Steps until the pool has followed the budget, and some more. */
static void step_under(const Fixture* fixture, PumiceContext* context, PumiceRequest** requests, Tokens* tokens,
                       uint64_t budget, Seen* seen) {
  CHECK_OK(pumice_device_set_budget(fixture->device, budget));
  for (int step = 0; step < 400; ++step) {
    CHECK_OK(pumice_step(context, NULL));
    for (int i = 0; i < 2; ++i) {
      PumicePoll poll = pumice_poll_init();
      CHECK_OK(pumice_poll(requests[i], &poll));
      for (size_t k = 0; k < poll.count; ++k) tokens[i].ids[tokens[i].count++] = poll.ids[k];
      tokens[i].status = poll.status;
      seen->paused += poll.paused == PUMICE_OUT_OF_DEVICE_MEMORY;
      CHECK(poll.status == PUMICE_REQUEST_RUNNING || poll.status == PUMICE_REQUEST_FINISHED_LENGTH);
    }
    seen->within |= memory_of(fixture).used_bytes <= budget;
    const struct timespec pause = {.tv_nsec = 1000000};
    nanosleep(&pause, NULL);
  }
}

/* Two requests at once, and then a third text behind that of an idle sequence. */
static void run(const Fixture* fixture, int exact, uint64_t ram_bytes, int budgets, Tokens* tokens, Seen* seen) {
  PumiceContext* context = context_with(fixture, exact, ram_bytes);
  PumiceSequence* idle = make_sequence(context);
  const Tokens before = generate(idle, prompts[1], kPrompt, 8);
  CHECK(before.count == 8);
  PumiceSequence* sequences[2] = {make_sequence(context), make_sequence(context)};
  PumiceRequest* requests[2];
  for (int i = 0; i < 2; ++i) {
    requests[i] = submit(sequences[i], prompts[i], kPrompt, kGenerated);
    tokens[i] = (Tokens){.count = 0};
  }
  while (budgets && tokens[0].count < 4) {
    CHECK_OK(pumice_request_wait(requests[0], 60000));
    collect(requests[0], &tokens[0]);
  }
  const uint64_t used = memory_of(fixture).used_bytes;
  PumiceContextStats stats = pumice_context_stats_init();
  CHECK_OK(pumice_context_get_stats(context, &stats));
  CHECK(stats.kv_bytes > 12u << 20);
  if (budgets) {
    step_under(fixture, context, requests, tokens, used / 2, seen);
    step_under(fixture, context, requests, tokens, used - stats.kv_bytes / 2, seen);
    CHECK_OK(pumice_device_set_budget(fixture->device, 0));
  }
  for (int i = 0; i < 2; ++i) {
    while (collect(requests[i], &tokens[i])) CHECK_OK(pumice_request_wait(requests[i], 60000));
    CHECK(tokens[i].status == PUMICE_REQUEST_FINISHED_LENGTH && tokens[i].count == kGenerated);
    pumice_request_destroy(requests[i]);
    pumice_sequence_destroy(sequences[i]);
  }
  tokens[2] = generate(idle, prompts[0], 5, 8);
  CHECK_OK(pumice_context_get_stats(context, &stats));
  CHECK(!budgets || stats.pages_total >= kContext / 32);
  pumice_sequence_destroy(idle);
  pumice_context_destroy(context);
}

static void test_budget(Fixture* fixture) {
  if (!open_model(fixture)) return;
  for (int i = 0; i < kPrompt; ++i) prompts[0][i] = 10 + 13 * i % 900, prompts[1][i] = 5 + 29 * i % 900;
  static Tokens expected[3], tokens[3];
  for (int exact = 0; exact < 2; ++exact) {
    run(fixture, exact, 0, 0, expected, NULL);
    for (int ram = 0; ram < 2; ++ram) {
      Seen seen = {0};
      run(fixture, exact, ram ? 64u << 20 : 0, 1, tokens, &seen);
      for (int i = 0; i < 3; ++i) CHECK(same(&tokens[i], &expected[i]));
      CHECK(seen.paused > 0);
      CHECK(seen.within);
    }
  }
  PumiceDeviceMemory memory = memory_of(fixture);
  CHECK(memory.used_bytes > 0 && memory.used_bytes < memory.allowed_bytes);
  CHECK_INVALID(pumice_device_set_budget(NULL, 0));
  CHECK_INVALID(pumice_device_get_memory(fixture->device, NULL));
}

int main(void) { return run_with_device(test_budget); }
