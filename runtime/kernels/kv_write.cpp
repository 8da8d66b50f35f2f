#include "kernels/kv_write.h"

#include "shared/kv_write.h"

namespace pumice {

const char* variant_name(KvType type) { return type == KvType::kF16 ? "f16" : "f32"; }

void kv_write(Recorder recorder, const KvWriteArgs& args) {
  const KvWritePush push{.n = args.n,
                         .heads = args.heads,
                         .kv_heads = args.kv_heads,
                         .head_dim = args.head_dim,
                         .rotary = args.rotary,
                         .half_pairs = static_cast<uint32_t>(args.pairs),
                         .qkv_stride = args.qkv.stride,
                         .q_stride = args.q.stride,
                         .pages_per_slot = args.pages.pages_per_slot};
  const vk::BufferView bindings[kKvWriteBindings] = {
      args.qkv.view, args.frequencies, args.step_rows, args.pages.page_table, args.q.view, args.pages.k, args.pages.v};
  const uint32_t lanes = (args.heads + 2 * args.kv_heads) * args.head_dim / 2;
  record(recorder, {.variant = std::string("kv_write.") + variant_name(args.pages.type),
                    .push = push_bytes(push),
                    .bindings = bindings,
                    .groups = {divide_up(lanes, kKvWriteWorkgroup), args.n, 1},
                    .cost = {.bytes = 16.0 * args.n * lanes}});
}

}  // namespace pumice
