/* complete MODEL [SESSION]: goes on with a text as it comes, saves the sequence, loads it, and goes on from there.
 * Exit codes: 0; 1 a call failed; 77 there is no device. */
#include <pumice/pumice.h>
#include <stdio.h>
#include <string.h>

static int failed(const char* call, PumiceResult result, PumiceContext* context) {
  char why[512] = "";
  pumice_context_error(context, why, sizeof(why));
  fprintf(stderr, "%s: %s: %s\n", call, pumice_result_name(result), why);
  return 1;
}

/* Text behind `ids`, shown as it comes. */
static int stream(PumiceContext* context, PumiceSequence* sequence, const int32_t* ids, size_t count) {
  PumiceRequest* request = NULL;
  PumiceRequestOptions options = pumice_request_options_init();
  PumicePoll poll = pumice_poll_init();
  options.ids = ids;
  options.count = count;
  options.max_tokens = 12;
  PumiceResult result = pumice_request_submit(sequence, &options, &request);
  while (result == PUMICE_OK && poll.status == PUMICE_REQUEST_RUNNING) {
    result = pumice_request_wait(request, -1);
    if (result == PUMICE_OK) result = pumice_poll(request, &poll);
    if (result == PUMICE_OK) {
      fwrite(poll.text, 1, poll.text_length, stdout);
      fflush(stdout);
    }
  }
  if (poll.status == PUMICE_REQUEST_FAILED) result = poll.result;
  pumice_request_destroy(request);
  return result == PUMICE_OK ? 0 : failed("pumice_request_wait", result, context);
}

static int save_and_load(PumiceContext* context, const char* path, PumiceSequence** sequence) {
  PumiceSessionOptions options = pumice_session_options_init();
  PumiceSessionSource source = pumice_session_source_init();
  options.path = source.path = path;
  PumiceResult result = pumice_sequence_save(*sequence, &options);
  if (result != PUMICE_OK) return failed("pumice_sequence_save", result, context);
  pumice_sequence_destroy(*sequence);
  *sequence = NULL;
  result = pumice_sequence_load(context, &source, sequence);
  return result == PUMICE_OK ? 0 : failed("pumice_sequence_load", result, context);
}

static int complete(PumiceModel* model, PumiceContext* context, const char* session) {
  const char* const texts[] = {"Once upon a time", " The king"};
  PumiceSequence* sequence = NULL;
  const PumiceResult result = pumice_sequence_create(context, &sequence);
  int code = result == PUMICE_OK ? 0 : failed("pumice_sequence_create", result, context);
  for (int i = 0; i < 2 && code == 0; ++i) {
    int32_t ids[16];
    size_t count = 0;
    if (i > 0) code = save_and_load(context, session, &sequence);
    if (code != 0) break;
    pumice_tokenize(model, texts[i], strlen(texts[i]), i == 0 ? PUMICE_TOKENIZE_ADD_SPECIAL : 0, ids, 16, &count);
    fputs(texts[i], stdout);
    code = stream(context, sequence, ids, count);
  }
  putchar('\n');
  pumice_sequence_destroy(sequence);
  return code;
}

static int start(PumiceInstance* instance, const char* path, PumiceModel** model, PumiceContext** context) {
  PumiceDevice* device = NULL;
  PumiceModelOptions options = pumice_model_options_init();
  char why[512] = "";
  options.path = path;
  PumiceResult result = pumice_device_create_auto(instance, NULL, &device);
  const int no_device = result == PUMICE_NOT_FOUND;
  if (result == PUMICE_OK) result = pumice_model_load(instance, device, &options, model);
  pumice_instance_error(instance, why, sizeof(why));
  if (result == PUMICE_OK) {
    result = pumice_context_create(*model, NULL, context);
    pumice_model_error(*model, why, sizeof(why));
  }
  pumice_device_destroy(device); /* the model keeps it */
  if (result == PUMICE_OK) return 0;
  fprintf(stderr, "%s: %s\n", pumice_result_name(result), why);
  return no_device ? 77 : 1;
}

int main(int argc, char** argv) {
  PumiceInstance* instance = NULL;
  PumiceModel* model = NULL;
  PumiceContext* context = NULL;
  if (argc < 2 || argc > 3) return fprintf(stderr, "usage: complete MODEL.gguf [SESSION]\n"), 2;
  printf("pumice %s\n", pumice_version());
  if (pumice_instance_create(NULL, &instance) != PUMICE_OK) return 1;
  int code = start(instance, argv[1], &model, &context);
  if (code == 0) code = complete(model, context, argc == 3 ? argv[2] : "complete.session");
  pumice_context_destroy(context);
  pumice_model_destroy(model);
  pumice_instance_destroy(instance);
  return code;
}
