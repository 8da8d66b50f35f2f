/* What the programs share that generate through the C interface: a model on a device, and requests that run to their
 * end.
 */
#ifndef PUMICE_TESTS_C_API_REQUESTS_H
#define PUMICE_TESTS_C_API_REQUESTS_H

#include "c_api_support.h"

typedef struct Fixture {
  PumiceInstance* instance;
  PumiceDevice* device;
  PumiceModel* model;
  int32_t prompt[kMaxIds];
  size_t prompt_count;
} Fixture;

typedef struct Tokens {
  int32_t ids[kMaxIds];
  size_t count;
  PumiceRequestStatus status;
} Tokens;

static inline PumiceContext* make_context(PumiceModel* model, uint32_t tokens, uint32_t sequences) {
  PumiceContextOptions options = pumice_context_options_init();
  options.context_tokens = tokens;
  options.max_sequences = sequences;
  PumiceContext* context = NULL;
  CHECK_OK(pumice_context_create(model, &options, &context));
  return context;
}

static inline PumiceSequence* make_sequence(PumiceContext* context) {
  PumiceSequence* sequence = NULL;
  CHECK_OK(pumice_sequence_create(context, &sequence));
  return sequence;
}

static inline PumiceRequest* submit(PumiceSequence* sequence, const int32_t* ids, size_t count, uint32_t max_tokens) {
  PumiceRequestOptions options = pumice_request_options_init();
  options.ids = ids;
  options.count = count;
  options.max_tokens = max_tokens;
  options.ignore_eos = 1;
  PumiceRequest* request = NULL;
  CHECK_OK(pumice_request_submit(sequence, &options, &request));
  return request;
}

/* One poll; false once the request has ended. */
static inline int collect(PumiceRequest* request, Tokens* tokens) {
  PumicePoll poll = pumice_poll_init();
  CHECK_OK(pumice_poll(request, &poll));
  for (size_t i = 0; i < poll.count && tokens->count < kMaxIds; ++i) tokens->ids[tokens->count++] = poll.ids[i];
  tokens->status = poll.status;
  CHECK(poll.text == NULL || poll.text[poll.text_length] == '\0');
  return poll.status == PUMICE_REQUEST_RUNNING;
}

static inline Tokens finish(PumiceRequest* request) {
  Tokens tokens = {.count = 0};
  if (!request) return tokens;
  do {
    const PumiceResult result = pumice_request_wait(request, 60000);
    CHECK_OK(result);
    if (result != PUMICE_OK) break;
  } while (collect(request, &tokens));
  return tokens;
}

static inline Tokens generate(PumiceSequence* sequence, const int32_t* ids, size_t count, uint32_t max_tokens) {
  PumiceRequest* request = submit(sequence, ids, count, max_tokens);
  const Tokens tokens = finish(request);
  pumice_request_destroy(request);
  return tokens;
}

static inline Tokens generate_fresh(PumiceContext* context, const Fixture* fixture, uint32_t max_tokens) {
  PumiceSequence* sequence = make_sequence(context);
  const Tokens tokens = generate(sequence, fixture->prompt, fixture->prompt_count, max_tokens);
  pumice_sequence_destroy(sequence);
  return tokens;
}

static inline int same(const Tokens* a, const Tokens* b) {
  return a->count == b->count && memcmp(a->ids, b->ids, a->count * sizeof(a->ids[0])) == 0;
}

/* Loads the bundled model; false: it cannot be. */
static inline int open_model(Fixture* fixture) {
  const PumiceModelOptions options = model_options(MODEL);
  CHECK_OK(pumice_model_load(fixture->instance, fixture->device, &options, &fixture->model));
  if (!fixture->model) return 0;
  CHECK_OK(pumice_tokenize(fixture->model, PROMPT, strlen(PROMPT), PUMICE_TOKENIZE_ADD_SPECIAL, fixture->prompt,
                           kMaxIds, &fixture->prompt_count));
  CHECK(fixture->prompt_count >= 4);
  return fixture->model != NULL;
}

/* Runs `test` with a device, where there is one. Returns the exit code. */
static inline int run_with_device(void (*test)(Fixture*)) {
  FILE* captured = capture_stdout();
  static Fixture fixture;
  CHECK_OK(pumice_instance_create(NULL, &fixture.instance));
  const PumiceResult result = pumice_device_create_auto(fixture.instance, NULL, &fixture.device);
  if (result == PUMICE_OK) test(&fixture);
  pumice_model_destroy(fixture.model);
  pumice_device_destroy(fixture.device);
  pumice_instance_destroy(fixture.instance);
  return end_of_test(captured, result != PUMICE_OK);
}

#endif
