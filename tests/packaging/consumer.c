/* A program outside the source tree that uses the installed library. */
#include <pumice/pumice.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  PumiceInstance* instance = NULL;
  PumiceResult result = pumice_instance_create(NULL, &instance);
  pumice_instance_destroy(instance);
  printf("pumice %s: %s\n", pumice_version(), pumice_result_name(result));
  return result == PUMICE_OK && strcmp(pumice_version(), PUMICE_VERSION) == 0 ? 0 : 1;
}
