// kv_shift: moves keys to earlier positions: those of whole pages are turned back by `shift` positions, in place.
// Values do not depend on the position. Page layout: kv_write.h.
#ifndef PUMICE_SHARED_KV_SHIFT_H
#define PUMICE_SHARED_KV_SHIFT_H
#include "types.h"

SHARED_BEGIN
struct KvShiftPush {
  uint kv_heads, head_dim;
  uint rotary, half_pairs;  // as for rope; with half_pairs and an F16 cache, rotary is a multiple of 4
  uint shift;               // positions
  uint first;               // entry of the page table that has the first page
};
SHARED_CONST kKvShiftBindings = 3u;  // frequencies, page table, K pool
SHARED_CONST kKvShiftWorkgroup = 64u;
SHARED_END

#endif
