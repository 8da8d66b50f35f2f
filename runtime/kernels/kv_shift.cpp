#include "kernels/kv_shift.h"

#include "shared/step_params.h"

namespace pumice {

bool can_shift(KvType type, RopePairs pairs, uint32_t rotary) {
  // The two halves of a pair must be at the same place of their words.
  if (type == KvType::kF16) return pairs == RopePairs::kAdjacent || rotary % 4 == 0;
  return type == KvType::kF32;
}

void kv_shift(Recorder recorder, const KvShiftArgs& args) {
  const KvType type = args.pages.format.k;
  PUMICE_CHECK(can_shift(type, args.pairs, args.rotary));
  const KvShiftPush push{.kv_heads = args.kv_heads,
                         .head_dim = args.head_dim,
                         .rotary = args.rotary,
                         .half_pairs = static_cast<uint32_t>(args.pairs),
                         .shift = args.shift,
                         .first = args.slot * args.pages.pages_per_slot + args.first};
  const vk::BufferView bindings[kKvShiftBindings] = {args.frequencies, args.pages.page_table, args.pages.k};
  const uint32_t lanes = args.kv_heads * args.head_dim / 2 * kPageTokens;
  const double words = static_cast<double>(args.count) * kPageTokens * args.kv_heads * kv_words(type, args.head_dim);
  record(recorder, {.shader = {ShaderKernel::kKvShift, ShaderForm::kPlain, static_cast<uint32_t>(type)},
                    .push = push_bytes(push),
                    .bindings = bindings,
                    .groups = {divide_up(lanes, kKvShiftWorkgroup), args.count, 1},
                    .cost = {.bytes = 8.0 * words}});
}

}  // namespace pumice
