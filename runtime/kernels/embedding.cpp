#include "kernels/embedding.h"

namespace pumice {

void embedding(Recorder recorder, const EmbeddingArgs& args) {
  for (const WeightSlab& slab : args.table.slabs) {
    const EmbeddingPush push{.first_row = slab.first_row,
                             .rows = slab.rows,
                             .cols = args.table.cols,
                             .units = args.table.units,
                             .n = args.n,
                             .quant_offset = 0,
                             .scale_offset = slab.scale_offset,
                             .y_stride = args.y.stride,
                             .scale = args.scale,
                             .chosen_by = static_cast<uint32_t>(args.row),
                             .accumulate = args.accumulate ? 1u : 0u};
    const vk::BufferView bindings[kEmbeddingBindings] = {slab.buffer, args.step_rows, args.y.view};
    const double bytes = static_cast<double>(args.table.bytes()) / args.table.rows + 4.0 * push.cols;
    record(recorder, {.shader = {ShaderKernel::kEmbedding, ShaderForm::kPlain, args.table.type},
                      .push = push_bytes(push),
                      .bindings = bindings,
                      .groups = {divide_up(4 * args.table.units, kEmbeddingWorkgroup), args.n, 1},
                      .cost = {.bytes = args.n * bytes}});
  }
}

}  // namespace pumice
