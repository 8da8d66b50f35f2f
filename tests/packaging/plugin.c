/* A shared library with the static library inside; host_plugins.c loads two of them. */
#include <pumice/pumice.h>

__attribute__((visibility("default"))) int plugin_use(uint32_t* devices, const void** where) {
  PumiceInstance* instance = NULL;
  PumiceResult result = pumice_instance_create(NULL, &instance);
  if (result == PUMICE_OK) result = pumice_device_count(instance, devices);
  pumice_instance_destroy(instance);
  *where = (const void*)pumice_version();
  return (int)result;
}
