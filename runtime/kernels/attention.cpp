#include "kernels/attention.h"

#include <algorithm>

#include "shared/attention.h"
#include "shared/step_params.h"

namespace pumice {

uint64_t attention_partial_bytes(uint32_t rows, uint32_t heads, uint32_t head_dim, uint32_t max_splits) {
  return uint64_t{4} * rows * heads * (head_dim + kAttentionPartialExtra) * max_splits;
}

namespace {

constexpr uint32_t kMaxHeadDim = 512;

// Queries that the shared memory of a workgroup holds, each with its weights of one round of keys.
uint32_t query_room(const vk::DeviceCaps& caps, uint32_t head_dim) {
  const uint32_t keys = std::max(choose_reduce(caps).workgroup, kPageTokens);
  return (caps.max_shared_bytes - 512) / (4 * (head_dim + keys));
}

}  // namespace

bool attention_fits(const vk::DeviceCaps& caps, uint32_t group, uint32_t head_dim) {
  return head_dim <= kMaxHeadDim && group <= query_room(caps, head_dim);
}

uint32_t choose_attention_rows(const vk::DeviceCaps& caps, uint32_t group, uint32_t head_dim, uint32_t n,
                               bool one_sequence) {
  if (!one_sequence || n == 1) return 1;
  return std::clamp(std::min(8u, query_room(caps, head_dim)) / group, 1u, n);
}

void attention(Recorder recorder, const AttentionArgs& args) {
  const uint32_t group = args.heads / args.kv_heads;
  const vk::DeviceCaps& caps = recorder.kernels.caps();
  const uint32_t rows = choose_attention_rows(caps, group, args.head_dim, args.n, args.one_sequence);
  const AttentionPush push{.n = args.n,
                           .kv_heads = args.kv_heads,
                           .q_stride = args.q.stride,
                           .y_stride = args.y.stride,
                           .pages_per_slot = args.pages.pages_per_slot,
                           .pages_per_split = args.arguments ? kAttentionDecodePages : args.pages.pages_per_slot,
                           .max_splits = args.max_splits,
                           .scale = args.scale};
  const vk::BufferView bindings[kAttentionBindings] = {args.q.view,           args.pages.k,   args.pages.v,
                                                       args.pages.page_table, args.step_rows, args.partials,
                                                       args.counters,         args.y.view};
  const ReduceChoice reduce = choose_reduce(caps);
  const uint32_t constants[] = {reduce.workgroup, args.head_dim, group, rows};
  record(recorder, {.variant = std::string("attention.") + reduce.variant + "." + variant_name(args.pages.type),
                    .constants = constants,
                    .full_subgroups = reduce.full_subgroups,
                    .push = push_bytes(push),
                    .bindings = bindings,
                    .groups = {divide_up(args.n, rows), args.kv_heads, 1},
                    .indirect = args.arguments,
                    .cost = {.bytes = 8.0 * args.n * args.heads * args.head_dim}});
}

}  // namespace pumice
