/* Preloaded into the program: the call of the library that PUMICE_HANG names never returns, as if a driver hung, once
 * text has been generated; with PUMICE_LOSE the device is lost then. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pumice/pumice.h"

static void hang_in(const char* call, int now) {
  const char* asked = getenv("PUMICE_HANG");
  if (!now || !asked || strcmp(asked, call) != 0) return;
  fprintf(stderr, "hangs in %s\n", call);
  for (;;) pause();
}

static void* real(const char* name) { return dlsym(RTLD_NEXT, name); }

PumiceResult pumice_request_wait(PumiceRequest* request, int32_t timeout_ms) {
  static int news;
  hang_in("pumice_request_wait", news > 3);
  if (news > 3 && getenv("PUMICE_LOSE")) return PUMICE_DEVICE_LOST;
  const PumiceResult result =
      ((PumiceResult(*)(PumiceRequest*, int32_t))real("pumice_request_wait"))(request, timeout_ms);
  news += result == PUMICE_OK;
  return result;
}

void pumice_request_destroy(PumiceRequest* request) {
  hang_in("pumice_request_destroy", 1);
  ((void (*)(PumiceRequest*))real("pumice_request_destroy"))(request);
}

void pumice_context_destroy(PumiceContext* context) {
  hang_in("pumice_context_destroy", 1);
  ((void (*)(PumiceContext*))real("pumice_context_destroy"))(context);
}
