/* Conversion from C: what is asked wrongly, cancelled, and made. */
#define _POSIX_C_SOURCE 200809L /* what the support header uses of POSIX */

#include <unistd.h>

#include "c_api_support.h"

static int32_t count_calls(void* user, float fraction) {
  CHECK(fraction >= 0 && fraction <= 1);
  ++*(int*)user;
  return 0;
}

static int32_t stop(void* user, float fraction) {
  (void)user;
  return fraction > 0.25f;
}

int main(void) {
  PumiceInstance* instance = NULL;
  CHECK_OK(pumice_instance_create(NULL, &instance));
  char target[] = "/tmp/pumice-convert-XXXXXX";
  const int made = mkstemp(target);
  CHECK(made >= 0);
  close(made);
  PumiceConvertOptions options = pumice_convert_options_init();
  CHECK(pumice_convert(NULL, &options, NULL) == PUMICE_INVALID_ARGUMENT);
  CHECK(pumice_convert(instance, NULL, NULL) == PUMICE_INVALID_ARGUMENT);
  CHECK(pumice_convert(instance, &options, NULL) == PUMICE_INVALID_ARGUMENT); /* no source */
  options.source = "/there/is/no/such/model";
  CHECK(pumice_convert(instance, &options, NULL) == PUMICE_INVALID_ARGUMENT); /* no target */
  options.target = target;
  options.type = (PumiceConvertType)99;
  const PumiceResult wrong_type = pumice_convert(instance, &options, NULL);
  if (wrong_type == PUMICE_UNSUPPORTED) return 77; /* built without it */
  CHECK(wrong_type == PUMICE_INVALID_ARGUMENT);
  options.type = PUMICE_CONVERT_Q8_0;
  CHECK(pumice_convert(instance, &options, NULL) == PUMICE_NOT_FOUND);
  char text[256];
  CHECK(pumice_instance_error(instance, text, sizeof text) > 0);
  CHECK(strstr(text, "/there/is/no/such/model") != NULL);

  options.source = PUMICE_MODELS_DIR "/storyteller-5m-Q4_K_M.gguf";
  options.progress = stop;
  CHECK(pumice_convert(instance, &options, NULL) == PUMICE_CANCELLED);
  FILE* file = fopen(target, "rb");
  CHECK(file && fgetc(file) == EOF); /* as it was */
  if (file) fclose(file);

  int calls = 0;
  options.progress = count_calls;
  options.progress_user = &calls;
  PumiceConvertInfo info = pumice_convert_info_init();
  CHECK_OK(pumice_convert(instance, &options, &info));
  CHECK(calls > 10 && strcmp(info.kind, "llama") == 0 && info.tensors > 50 && info.converted_tensors > 30);
  file = fopen(target, "rb");
  CHECK(file && fseek(file, 0, SEEK_END) == 0 && (uint64_t)ftell(file) == info.bytes);
  if (file) fclose(file);
  info.next = &info;
  CHECK(pumice_convert(instance, &options, &info) == PUMICE_INVALID_ARGUMENT);
  unlink(target);
  pumice_instance_destroy(instance);
  return failures ? 1 : 0;
}
