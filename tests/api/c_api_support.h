/* What the programs that test the C interface share: CHECK, reading a file, and a standard output that must stay empty.
 */
#ifndef PUMICE_TESTS_C_API_SUPPORT_H
#define PUMICE_TESTS_C_API_SUPPORT_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pumice/pumice.h"
#include "test_paths.h"

#define MODEL PUMICE_MODELS_DIR "/storyteller-5m-Q4_K_M.gguf"
#define PROMPT "Once upon a time"
enum { kMaxIds = 600 };

static int failures = 0; /* of this program */

#define CHECK(condition)                                                        \
  do {                                                                          \
    if (!(condition)) {                                                         \
      fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
      ++failures;                                                               \
    }                                                                           \
  } while (0)

#define CHECK_RESULT(expected, call)                                                            \
  do {                                                                                          \
    const PumiceResult got_ = (call);                                                           \
    if (got_ != (expected)) {                                                                   \
      fprintf(stderr, "%s:%d: %s gave %d (%s), not %s\n", __FILE__, __LINE__, #call, (int)got_, \
              pumice_result_name(got_), #expected);                                             \
      ++failures;                                                                               \
    }                                                                                           \
  } while (0)

#define CHECK_OK(call) CHECK_RESULT(PUMICE_OK, call)
#define CHECK_INVALID(call) CHECK_RESULT(PUMICE_INVALID_ARGUMENT, call)

static inline PumiceModelOptions model_options(const char* path) {
  PumiceModelOptions options = pumice_model_options_init();
  options.path = path;
  return options;
}

/* The caller frees it. */
static inline void* read_file(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  if (!file) return NULL;
  struct stat info;
  void* data = NULL;
  if (fstat(fileno(file), &info) == 0) data = malloc((size_t)info.st_size);
  *size = data ? fread(data, 1, (size_t)info.st_size, file) : 0;
  fclose(file);
  return data;
}

/* What is written to standard output from now on lands in a file: the library must print nothing. */
static inline FILE* capture_stdout(void) {
  FILE* captured = tmpfile();
  if (captured && dup2(fileno(captured), STDOUT_FILENO) < 0) {
    fclose(captured);
    captured = NULL;
  }
  CHECK(captured != NULL);
  return captured;
}

/* The exit code. */
static inline int end_of_test(FILE* captured, int no_device) {
  fflush(stdout);
  struct stat written;
  CHECK(captured && fstat(fileno(captured), &written) == 0 && written.st_size == 0);
  if (failures > 0) {
    fprintf(stderr, "%d checks failed\n", failures);
    return 1;
  }
  if (no_device) fprintf(stderr, "skipped: no usable Vulkan device\n");
  return no_device ? 77 : 0;
}

#endif
