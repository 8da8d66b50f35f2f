/* The C interface without a device, as a C11 program sees it: results, wrong arguments, files, text. Links the library
 * alone. */
#define _POSIX_C_SOURCE 200809L /* what the support header uses of POSIX */

#include "c_api_support.h"

static void test_names(void) {
  const char* build = pumice_version() + strlen(PUMICE_VERSION); /* nothing, or "+g" and the commit */
  CHECK(strncmp(pumice_version(), PUMICE_VERSION, strlen(PUMICE_VERSION)) == 0);
  CHECK(*build == '\0' || (strncmp(build, "+g", 2) == 0 && strspn(build + 2, "0123456789abcdef") >= 7));
  for (int result = -1; result <= 13; ++result) CHECK(pumice_result_name((PumiceResult)result) != NULL);
}

static void test_null_handles(void) {
  char buffer[8];
  pumice_instance_destroy(NULL);
  pumice_device_destroy(NULL);
  pumice_model_destroy(NULL);
  pumice_context_destroy(NULL);
  pumice_sequence_destroy(NULL);
  pumice_request_destroy(NULL);
  pumice_request_cancel(NULL);
  CHECK(pumice_instance_error(NULL, buffer, sizeof(buffer)) == 0);
  CHECK(pumice_device_error(NULL, buffer, sizeof(buffer)) == 0);
  CHECK(pumice_model_error(NULL, buffer, sizeof(buffer)) == 0);
  CHECK(pumice_context_error(NULL, NULL, 0) == 0);
  CHECK(pumice_model_metadata_count(NULL) == 0);
  CHECK(pumice_model_tensor_count(NULL) == 0);
  CHECK_INVALID(pumice_instance_create(NULL, NULL));
  CHECK_INVALID(pumice_device_count(NULL, NULL));
  CHECK_INVALID(pumice_device_get_info(NULL, 0, NULL));
  CHECK_INVALID(pumice_device_create_auto(NULL, NULL, NULL));
  CHECK_INVALID(pumice_device_describe(NULL, NULL));
  CHECK_INVALID(pumice_model_load(NULL, NULL, NULL, NULL));
  CHECK_INVALID(pumice_model_get_info(NULL, NULL));
  CHECK_INVALID(pumice_model_get_metadata(NULL, 0, NULL));
  CHECK_INVALID(pumice_model_get_tensor(NULL, 0, NULL));
  CHECK_INVALID(pumice_model_estimate(NULL, NULL, NULL));
  CHECK_INVALID(pumice_tokenize(NULL, NULL, 0, 0, NULL, 0, NULL));
  CHECK_INVALID(pumice_token_text(NULL, 0, NULL, 0, NULL));
  CHECK_INVALID(pumice_detokenize(NULL, NULL, 0, NULL, 0, NULL));
  CHECK_INVALID(pumice_context_create(NULL, NULL, NULL));
  CHECK_INVALID(pumice_context_get_stats(NULL, NULL));
  CHECK_INVALID(pumice_context_profile(NULL, NULL, 0, NULL));
  CHECK_INVALID(pumice_sequence_create(NULL, NULL));
  CHECK_INVALID(pumice_sequence_get_info(NULL, NULL));
  CHECK_INVALID(pumice_sequence_get_tokens(NULL, NULL, 0, NULL));
  CHECK_INVALID(pumice_sequence_get_pages(NULL, NULL, 0, NULL));
  CHECK_INVALID(pumice_sequence_truncate(NULL, 0));
  CHECK_INVALID(pumice_sequence_evaluate(NULL, NULL, 0, NULL, 0));
  CHECK_INVALID(pumice_request_submit(NULL, NULL, NULL));
  CHECK_INVALID(pumice_step(NULL, NULL));
  CHECK_INVALID(pumice_poll(NULL, NULL));
  CHECK_INVALID(pumice_request_wait(NULL, 0));
  CHECK_INVALID(pumice_request_timings(NULL, NULL));
}

static void test_instance(PumiceInstance* instance) {
  PumiceInstanceOptions small = pumice_instance_options_init();
  small.size = sizeof(size_t);
  PumiceInstance* none = NULL;
  CHECK_INVALID(pumice_instance_create(&small, &none));
  CHECK(none == NULL);
  uint32_t count = 0;
  CHECK_OK(pumice_device_count(instance, &count));
  CHECK_INVALID(pumice_device_count(instance, NULL));
  PumiceDeviceInfo info = pumice_device_info_init();
  for (uint32_t i = 0; i < count; ++i) {
    CHECK_OK(pumice_device_get_info(instance, i, &info));
    CHECK(info.index == i && info.name[0] != '\0' && strlen(info.uuid) == 36);
  }
  CHECK(pumice_device_get_info(instance, count, &info) != PUMICE_OK);
  CHECK_INVALID(pumice_device_get_info(instance, 0, NULL));
  CHECK_INVALID(pumice_device_create_auto(instance, NULL, NULL));
  PumiceDeviceOptions options = pumice_device_options_init();
  options.selector = "no device has this name";
  PumiceDevice* device = NULL;
  CHECK_RESULT(PUMICE_NOT_FOUND, pumice_device_create_auto(instance, &options, &device));
  CHECK(device == NULL);
  char text[256], part[5];
  const size_t length = pumice_instance_error(instance, text, sizeof(text));
  CHECK(length > 0 && strchr(text, '\n') == NULL);
  CHECK(pumice_instance_error(instance, part, sizeof(part)) == length);
  CHECK(strlen(part) == 4 && strncmp(part, text, 4) == 0);
}

static void test_bad_models(PumiceInstance* instance) {
  PumiceModel* model = NULL;
  PumiceModelOptions options = model_options("/nonexistent/model.gguf");
  CHECK_RESULT(PUMICE_NOT_FOUND, pumice_model_load(instance, NULL, &options, &model));
  options.path = NULL;
  CHECK_INVALID(pumice_model_load(instance, NULL, &options, &model));
  CHECK_INVALID(pumice_model_load(instance, NULL, NULL, &model));
  options = model_options(MODEL);
  CHECK_INVALID(pumice_model_load(instance, NULL, &options, NULL));
  options.size = sizeof(size_t);
  CHECK_INVALID(pumice_model_load(instance, NULL, &options, &model));
  size_t size = 0;
  void* data = read_file(MODEL, &size);
  CHECK(data != NULL);
  if (data) {
    options = model_options(NULL);
    options.data = data;
    options.data_size = size / 2;
    CHECK(pumice_model_load(instance, NULL, &options, &model) != PUMICE_OK);
    memset(data, 'x', 4);
    options.data_size = size;
    CHECK_RESULT(PUMICE_MALFORMED, pumice_model_load(instance, NULL, &options, &model));
  }
  free(data);
  CHECK(model == NULL);
}

static void test_text(PumiceInstance* instance) {
  PumiceModelOptions options = model_options(MODEL);
  PumiceModel* model = NULL;
  CHECK_OK(pumice_model_load(instance, NULL, &options, &model));
  if (!model) return;
  PumiceModelInfo info = pumice_model_info_init();
  CHECK_OK(pumice_model_get_info(model, &info));
  CHECK(info.layers == 6 && info.width == 256 && info.vocabulary == 4096 && info.context_length == 512);
  CHECK(info.has_weights && info.bos_token == 4095 && info.eos_token == 4095);
  CHECK(pumice_model_metadata_count(model) > 10 && pumice_model_tensor_count(model) == 56);
  PumiceTensorInfo tensor = pumice_tensor_info_init();
  CHECK_OK(pumice_model_get_tensor(model, 0, &tensor));
  CHECK(tensor.name && tensor.type && tensor.bytes > 0);
  CHECK(pumice_model_get_tensor(model, 56, &tensor) != PUMICE_OK);
  const uint32_t flags = PUMICE_TOKENIZE_ADD_SPECIAL;
  int32_t prompt[kMaxIds];
  size_t prompt_count = 0, count = 0, length = 0;
  CHECK_OK(pumice_tokenize(model, PROMPT, strlen(PROMPT), flags, prompt, kMaxIds, &prompt_count));
  CHECK(prompt_count >= 4 && prompt[0] == 4095);
  int32_t first = -7;
  CHECK_OK(pumice_tokenize(model, PROMPT, strlen(PROMPT), flags, &first, 1, &count));
  CHECK(count == prompt_count && first == 4095);
  CHECK_OK(pumice_tokenize(model, "\xff\x00\xc3", 3, 0, NULL, 0, &count));
  CHECK(count == 3);
  CHECK_INVALID(pumice_tokenize(model, NULL, 3, 0, NULL, 0, &count));
  char text[64];
  CHECK_OK(pumice_detokenize(model, prompt, prompt_count, text, sizeof(text), &length));
  CHECK(length == strlen(PROMPT) && strcmp(text, PROMPT) == 0);
  CHECK_OK(pumice_detokenize(model, prompt, prompt_count, text, 5, &length));
  CHECK(length == strlen(PROMPT) && strcmp(text, "Once") == 0);
  PumiceContext* context = NULL;
  CHECK_INVALID(pumice_context_create(model, NULL, &context));
  PumiceEstimate estimate = pumice_estimate_init();
  const PumiceContextOptions defaults = pumice_context_options_init();
  CHECK_OK(pumice_model_estimate(model, &defaults, &estimate));
  CHECK(estimate.weights_bytes > 1000000 && estimate.kv_bytes > 0);
  pumice_model_destroy(model);
}

int main(void) {
  FILE* captured = capture_stdout();
  PumiceInstance* instance = NULL;
  test_names();
  test_null_handles();
  CHECK_OK(pumice_instance_create(NULL, &instance));
  if (instance) {
    test_instance(instance);
    test_bad_models(instance);
    test_text(instance);
  }
  pumice_instance_destroy(instance);
  return end_of_test(captured, 0);
}
