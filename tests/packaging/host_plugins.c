/* host_plugins A.so B.so hidden|visible: two libraries that each contain the static library, in one process. Where its
 * C API is hidden, each keeps to its own copy. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef int (*Use)(uint32_t* devices, const void** where);

int main(int argc, char** argv) {
  const void* where[2] = {NULL, NULL};
  if (argc != 4) return 1;
  const int hidden = strcmp(argv[3], "hidden") == 0;
  for (int i = 0; i < 2; ++i) {
    uint32_t devices = 0;
    void* plugin = dlopen(argv[1 + i], RTLD_NOW | RTLD_GLOBAL);
    if (!plugin) return fprintf(stderr, "%s\n", dlerror()), 2;
    const Use use = (Use)dlsym(plugin, "plugin_use");
    if (!use || use(&devices, &where[i]) != 0) return 3;
    if (hidden && dlsym(plugin, "pumice_version")) return fprintf(stderr, "%s passes the library on\n", argv[1 + i]), 4;
    printf("plugin %d has %u devices\n", i, devices);
  }
  if (hidden && where[0] == where[1]) return fprintf(stderr, "the second used the first one's copy\n"), 5;
  return 0;
}
