#include "kernels/kv_write.h"

#include "kernels/device_policy.h"

namespace pumice {

namespace {

// A head is the work of one workgroup.
void write_mixed(Recorder recorder, const KvWriteArgs& args, const KvWritePush& push,
                 std::span<const vk::BufferView> bindings) {
  const KvFormat& format = args.pages.format;
  const uint32_t constants[] = {device_policy(recorder.kernels.caps()).kv_head_lanes,
                                args.head_dim,
                                static_cast<uint32_t>(format.k),
                                static_cast<uint32_t>(format.v),
                                format.k_rotation(args.head_dim),
                                format.v_rotation(args.head_dim)};
  const uint32_t heads = args.heads + 2 * args.kv_heads;
  record(recorder, {.shader = ShaderKernel::kKvWriteMixed,
                    .constants = constants,
                    .push = push_bytes(push),
                    .bindings = bindings,
                    .groups = {heads, args.n, 1},
                    .cost = {.bytes = 8.0 * args.n * heads * args.head_dim}});
}

}  // namespace

void kv_write(Recorder recorder, const KvWriteArgs& args) {
  const LatentRows& latent = args.latent;
  const uint32_t k_column = args.heads * (latent.dims ? latent.head : args.head_dim);
  const KvWritePush push{.n = args.n,
                         .heads = args.heads,
                         .kv_heads = args.kv_heads,
                         .head_dim = args.head_dim,
                         .rotary = args.rotary,
                         .half_pairs = static_cast<uint32_t>(args.pairs),
                         .qkv_stride = args.qkv.stride,
                         .q_stride = args.q.stride,
                         .pages_per_slot = args.pages.pages_per_slot,
                         .magnitude = args.query.magnitude,
                         .temperature = args.query.temperature,
                         .temperature_length = args.query.temperature_length,
                         .q_head = latent.dims ? latent.head : args.head_dim,
                         .q_first = latent.first,
                         .q_dims = latent.dims ? latent.dims : args.head_dim,
                         .k_column = k_column,
                         .v_column = k_column + (latent.dims ? 0 : args.kv_heads * args.head_dim)};
  const vk::BufferView bindings[kKvWriteBindings] = {
      args.qkv.view, args.frequencies, args.step_rows, args.pages.page_table, args.q.view, args.pages.k, args.pages.v};
  if (!args.pages.format.plain()) return write_mixed(recorder, args, push, bindings);
  const uint32_t lanes = (args.heads + 2 * args.kv_heads) * args.head_dim / 2;
  record(recorder, {.shader = {ShaderKernel::kKvWrite, ShaderForm::kPlain, args.pages.format.shader_axis()},
                    .push = push_bytes(push),
                    .bindings = bindings,
                    .groups = {divide_up(lanes, kKvWriteWorkgroup), args.n, 1},
                    .cost = {.bytes = 16.0 * args.n * lanes}});
}

}  // namespace pumice
