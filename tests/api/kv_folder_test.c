/* Cache folders from C: the header is C, and what cannot be is a result code. */
#define _POSIX_C_SOURCE 200809L /* what the support header uses of POSIX */

#include "c_api_support.h"
#include "pumice/pumice_kv.h"

int main(void) {
  PumiceInstance* instance = NULL;
  CHECK_OK(pumice_instance_create(NULL, &instance));
  PumiceKvFolder* folder = NULL;
  CHECK(pumice_kv_folder_open(NULL, "/", &folder) == PUMICE_INVALID_ARGUMENT);
  CHECK(pumice_kv_folder_open(instance, NULL, &folder) == PUMICE_INVALID_ARGUMENT);
  CHECK(pumice_kv_folder_open(instance, "/there/is/no/such/folder", &folder) == PUMICE_NOT_FOUND);
  char text[256];
  CHECK(pumice_instance_error(instance, text, sizeof text) > 0);
  CHECK(strstr(text, "/there/is/no/such/folder") != NULL);
  CHECK(pumice_kv_folder_open(instance, "/", &folder) == PUMICE_OK); /* no segments: an empty cache */
  pumice_instance_destroy(instance);                                 /* a folder does not need it */
  PumiceKvFolderStats stats = pumice_kv_folder_stats_init();
  CHECK(pumice_kv_folder_get_stats(folder, &stats) == PUMICE_OK && stats.records == 0);
  PumiceKvVerification found = pumice_kv_verification_init();
  CHECK(pumice_kv_folder_verify(folder, NULL, NULL, NULL, &found) == PUMICE_OK && found.records == 0);
  CHECK(pumice_kv_folder_verify(folder, NULL, NULL, NULL, NULL) == PUMICE_INVALID_ARGUMENT);
  PumiceKvRecord record = pumice_kv_record_init();
  CHECK(pumice_kv_folder_get_record(folder, 0, &record) == PUMICE_NOT_FOUND);
  CHECK(pumice_kv_folder_error(folder, text, sizeof text) > 0);
  CHECK(pumice_kv_folder_clear(NULL) == PUMICE_INVALID_ARGUMENT);
  pumice_kv_folder_destroy(folder);
  pumice_kv_folder_destroy(NULL);
  return failures ? 1 : 0;
}
