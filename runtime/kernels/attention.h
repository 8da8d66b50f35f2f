// attention: y = softmax(q K^T * scale) V over the pages of the KV cache; causal; heads / kv_heads query heads share a
// KV head.
#pragma once

#include "kernels/kv_write.h"

namespace pumice {

struct AttentionArgs {
  FloatRows q;               // (n, heads * head_dim), rotated
  KvPages pages;             // keys and values of positions 0 .. each row's own position
  vk::BufferView step_rows;  // (n) StepRow
  FloatRows y;               // (n, heads * head_dim)
  uint32_t n = 1, heads = 1, kv_heads = 1, head_dim = 0;
  float scale = 1;
  // true: the rows are consecutive tokens of one sequence. false: each row is a sequence of its own.
  bool one_sequence = false;
  // Decode: the keys of a row are split over workgroups; `arguments` has their counts (tiles, KV heads, splits).
  const vk::BufferView* arguments = nullptr;
  uint32_t max_splits = 1;  // room for partial results
  vk::BufferView partials;  // attention_partial_bytes()
  vk::BufferView counters;  // (n * kv_heads) uint32, zero; left zero
};
void attention(Recorder recorder, const AttentionArgs& args);

uint64_t attention_partial_bytes(uint32_t rows, uint32_t heads, uint32_t head_dim, uint32_t max_splits);

// Whether a workgroup has room for the query heads of one KV head; kernels of larger heads would not compile, or take
// minutes to.
bool attention_fits(const vk::DeviceCaps& caps, uint32_t group, uint32_t head_dim);

// Rows that one workgroup takes, so that a KV head's keys are read once for several queries.
uint32_t choose_attention_rows(const vk::DeviceCaps& caps, uint32_t group, uint32_t head_dim, uint32_t n,
                               bool one_sequence);

}  // namespace pumice
