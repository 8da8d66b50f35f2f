// kv_shift: turns the keys of whole pages back by a number of positions, so that tokens before them can be dropped.
#pragma once

#include "kernels/kernels.h"
#include "kernels/kv_pages.h"
#include "kernels/rope.h"
#include "shared/kv_shift.h"

namespace pumice {

// Whether keys of this type can be turned in their pages. Of quantised ones each turn would be one rounding more.
bool can_shift(KvType type, RopePairs pairs, uint32_t rotary);

struct KvShiftArgs {
  KvPages pages;
  vk::BufferView frequencies;     // rope_frequencies()
  uint32_t slot = 0;              // whose pages:
  uint32_t first = 0, count = 0;  // [first, first + count) of its row of the page table, each once
  uint32_t shift = 0;             // positions
  uint32_t kv_heads = 1, head_dim = 0, rotary = 0;
  RopePairs pairs = RopePairs::kAdjacent;
};
// can_shift() holds.
void kv_shift(Recorder recorder, const KvShiftArgs& args);

}  // namespace pumice
