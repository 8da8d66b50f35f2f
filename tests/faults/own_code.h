/* Whose code is calling: faults are for what the library does, not for what the Vulkan driver does under it.
 * C11, also valid C++. Any thread; never allocates. */
#ifndef PUMICE_FAULTS_OWN_CODE_H
#define PUMICE_FAULTS_OWN_CODE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PUMICE_FAULT_FRAMES 24

typedef struct PumiceCallStack {
  int count;
  void* frames[PUMICE_FAULT_FRAMES]; /* the library's alone, innermost first */
  uint64_t hash;                     /* of where they lie in the library: equal in every process */
} PumiceCallStack;

/* Once, before anything else: where the library and those libraries lie through which it calls. */
void pumice_own_code_find(void);
/* Whether the library makes this call, itself or through the C++ library or a library that it uses. stack may be
 * NULL, which is faster. */
int pumice_own_code_calls(const void* return_address, PumiceCallStack* stack);

#ifdef __cplusplus
}
#endif
#endif
