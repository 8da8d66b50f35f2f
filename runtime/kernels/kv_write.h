// kv_write: rotates q and k of a step's rows [q heads | k heads | v heads]; q goes to its own rows, k and v into the
// pages.
#pragma once

#include "kernels/kernels.h"
#include "kernels/kv_pages.h"
#include "kernels/rope.h"

namespace pumice {

// What queries are multiplied with: their rotated dimensions with `magnitude`, all of them with
// 1 + temperature * ln(floor(position / temperature_length) + 1).
struct QueryScale {
  float magnitude = 1, temperature = 0;
  uint32_t temperature_length = 1;
};

// Latent attention: a row has only the first `dims` dimensions of a query's head, `head` columns from one to the next,
// from column `first` on; q has the others already. Keys follow the queries, and are the values, too, before their
// rotation.
struct LatentRows {
  uint32_t head = 0, first = 0, dims = 0;  // dims 0: attention is not latent
};

struct KvWriteArgs {
  FloatRows qkv;               // (n, (heads + 2 kv_heads) * head_dim)
  vk::BufferView frequencies;  // rope_frequencies()
  vk::BufferView step_rows;    // (n) StepRow; two rows never have the same slot and position
  FloatRows q;                 // (n, heads * head_dim)
  KvPages pages;
  uint32_t n = 1, heads = 1, kv_heads = 1, head_dim = 0, rotary = 0;
  RopePairs pairs = RopePairs::kAdjacent;
  QueryScale query;
  LatentRows latent = {};
};
void kv_write(Recorder recorder, const KvWriteArgs& args);

}  // namespace pumice
