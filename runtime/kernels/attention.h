// attention: y = softmax(q K^T * scale) V over the pages of the KV cache; causal, or of texts that are there as a whole
// both ways; heads / kv_heads query heads share a KV head. With a window, a soft cap of scores, sinks or slopes where
// they are asked for (shaders/shared/attention.h).
#pragma once

#include "kernels/kv_write.h"

namespace pumice {

// Whose rows a step has, one text after the other, each from position 0 on in a slot of its own.
struct AttentionTexts {
  vk::BufferView spans;  // (count): first row and number of rows, uint32 each
  uint32_t count = 0, longest = 0;
  bool both_ways = false;  // a row sees the rows behind it, too, in a window as many as of those before it
};

struct AttentionArgs {
  FloatRows q;    // (n, heads * head_dim), rotated; not used with `append`
  KvPages pages;  // keys and values of positions 0 .. each row's own position
  // Decode, where attention_appends(): does the work of kv_write with these arguments too, and leaves their q as it is.
  const KvWriteArgs* append = nullptr;
  vk::BufferView step_rows;  // (n) StepRow
  FloatRows y;               // (n, heads * value_dim)
  uint32_t n = 1, heads = 1, kv_heads = 1, head_dim = 0;
  uint32_t value_dim = 0;  // of a value only these dimensions are wanted; 0: head_dim
  float scale = 1;
  uint32_t window = 0;                 // a query sees the keys less than this many positions back; 0: all
  bool chunks = false;                 // instead, those of its own chunk of `window` positions
  float softcap = 0;                   // scores become softcap * tanh(score / softcap); 0: they do not
  const vk::Buffer* sinks = nullptr;   // (heads)
  const vk::Buffer* slopes = nullptr;  // (heads): a score falls by that for each position to its key; not with sinks
  // (heads, 2 kAttentionReach + 1): what is added to a score by how far its key is from its row, from the farthest key
  // before it on; not with sinks or slopes.
  const vk::Buffer* biases = nullptr;
  // true, prefill: the rows are consecutive tokens of one sequence. false, decode: each row is a sequence of its own,
  // of any length, and its keys are split over workgroups.
  bool one_sequence = false;
  const AttentionTexts* texts = nullptr;  // prefill of several sequences; one_sequence is true then
  bool picture = false;  // prefill: all rows see each other, also those behind them, however narrow the window is
  // Decode only: `arguments` has the counts of workgroups (rows, KV heads, splits of the longest row, or more).
  const vk::BufferView* arguments = nullptr;
  uint32_t max_splits = 1;  // room for partial results
  vk::BufferView partials;  // attention_partial_bytes()
  vk::BufferView counters;  // (n * kv_heads) uint32, zero; left zero
};
void attention(Recorder recorder, const AttentionArgs& args);

// Whether decode can do the work of kv_write for pages of this format, which saves a dispatch that others wait for.
inline bool attention_appends(const KvFormat& format) { return format.plain(); }

uint64_t attention_partial_bytes(uint32_t rows, uint32_t heads, uint32_t head_dim, uint32_t max_splits);

// What decides between kernels. The number of rows is not part of it, because logits may not depend on how a prompt was
// cut into steps.
struct AttentionShape {
  KvFormat format;
  uint32_t group = 1;  // query heads of a KV head
  uint32_t head_dim = 0;
  bool one_sequence = false;
  bool matrices_built = false;  // this build has the cooperative matrix variant
};

struct AttentionChoice {
  Shader shader;  // none: no kernel has room for the shape on this device
  uint32_t workgroup = 0;
  uint32_t queries = 1;  // heads of a subgroup in decode, queries (rows * group) of a workgroup in prefill
  bool full_subgroups = false;
  uint32_t subgroup_size = 0;                   // as for PipelineKey
  vk::CooperativeMatrix matrix = {};            // of attention_coopmat
  uint32_t subgroups = 1, ahead = 0, sets = 1;  // of attention.*: kAttentionSpecSubgroups and the next
  uint32_t shares = 1;                          // of attention_coopmat and attention_tile: kAttentionSpecShares
  uint32_t kept = 0;                            // of attention_coopmat: kAttentionSpecKept
};
// Pure. Decode: attention_cpu_decode, attention.subgroup or attention.shared; prefill: attention_cpu_prefill,
// attention_coopmat or attention_tile.
AttentionChoice choose_attention(const vk::DeviceCaps& caps, const AttentionShape& shape);

// Whether the device has kernels for the query heads of one KV head, both for decode and for prefill.
bool attention_fits(const vk::DeviceCaps& caps, uint32_t group, uint32_t head_dim);

}  // namespace pumice
