// kv_write: rotates q and k of a step's rows [q heads | k heads | v heads]; q goes to its own rows, k and v into the
// pages.
#pragma once

#include "kernels/rope.h"

namespace pumice {

enum class KvType : uint32_t { kF16 = 0, kF32 = 1 };
constexpr uint32_t kv_words(KvType type, uint32_t head_dim) { return type == KvType::kF16 ? head_dim / 2 : head_dim; }
const char* variant_name(KvType type);

// One layer's pools and the page table; page layout in shaders/shared/kv_write.h.
struct KvPages {
  KvType type = KvType::kF16;
  vk::BufferView k, v;
  vk::BufferView page_table;  // (slots, pages_per_slot)
  uint32_t pages_per_slot = 0;
};

struct KvWriteArgs {
  FloatRows qkv;               // (n, (heads + 2 kv_heads) * head_dim)
  vk::BufferView frequencies;  // as for rope
  vk::BufferView step_rows;    // (n) StepRow; two rows never have the same slot and position
  FloatRows q;                 // (n, heads * head_dim)
  KvPages pages;
  uint32_t n = 1, heads = 1, kv_heads = 1, head_dim = 0, rotary = 0;
  RopePairs pairs = RopePairs::kAdjacent;
};
void kv_write(Recorder recorder, const KvWriteArgs& args);

}  // namespace pumice
