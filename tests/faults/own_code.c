#define _GNU_SOURCE
#include "faults/own_code.h"

#include <execinfo.h>
#include <link.h>
#include <string.h>

typedef struct Range {
  uintptr_t begin, end, base;
} Range;

enum { kMaxRanges = 16 };
static Range own[kMaxRanges], carriers[kMaxRanges];
static int own_count, carrier_count;
static __thread int inside;

static const char* const kCarriers[] = {"libstdc++", "libhiredis", "libzstd",     "libsodium",
                                        "libssl",    "libcrypto",  "libutf8proc", "libc.so"};

static int in(const Range* ranges, int count, const void* address) {
  for (int i = 0; i < count; ++i)
    if ((uintptr_t)address >= ranges[i].begin && (uintptr_t)address < ranges[i].end) return i + 1;
  return 0;
}

static int visit(struct dl_phdr_info* info, size_t size, void* user) {
  (void)size, (void)user;
  int mine = strstr(info->dlpi_name, "libpumice.so") != NULL, carries = 0;
  for (size_t i = 0; i < sizeof kCarriers / sizeof *kCarriers; ++i)
    carries |= strstr(info->dlpi_name, kCarriers[i]) != NULL;
  for (int i = 0; i < info->dlpi_phnum && (mine || carries); ++i) {
    if (info->dlpi_phdr[i].p_type != PT_LOAD || !(info->dlpi_phdr[i].p_flags & PF_X)) continue;
    const uintptr_t begin = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
    const Range range = {begin, begin + info->dlpi_phdr[i].p_memsz, info->dlpi_addr};
    if (mine && own_count < kMaxRanges) own[own_count++] = range;
    if (!mine && carrier_count < kMaxRanges) carriers[carrier_count++] = range;
  }
  return 0;
}

void pumice_own_code_find(void) {
  void* frames[2];
  inside = 1;
  backtrace(frames, 2); /* its first call allocates */
  inside = 0;
  dl_iterate_phdr(visit, NULL);
}

int pumice_own_code_calls(const void* return_address, PumiceCallStack* stack) {
  if (inside) return 0;
  PumiceCallStack unwanted;
  const int mine = in(own, own_count, return_address);
  if (!mine && !in(carriers, carrier_count, return_address)) return 0;
  if (mine && !stack) return 1;
  if (!stack) stack = &unwanted;
  void* frames[2 * PUMICE_FAULT_FRAMES];
  inside = 1;
  const int count = backtrace(frames, 2 * PUMICE_FAULT_FRAMES);
  inside = 0;
  stack->count = 0;
  stack->hash = 1469598103934665603u;
  int begun = 0;
  for (int i = 0; i < count && stack->count < PUMICE_FAULT_FRAMES; ++i) {
    begun |= frames[i] == return_address;
    if (!begun) continue;
    const int range = in(own, own_count, frames[i]);
    /* Other code between the call and the library: a driver, which may itself be called by the library. */
    if (!range && stack->count == 0 && !in(carriers, carrier_count, frames[i])) return 0;
    if (!range) continue;
    stack->frames[stack->count++] = frames[i];
    stack->hash = (stack->hash ^ ((uintptr_t)frames[i] - own[range - 1].base)) * 1099511628211u;
  }
  return stack->count > 0;
}
