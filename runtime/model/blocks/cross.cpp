#include "model/blocks/cross.h"

#include "kernels/attention.h"
#include "kernels/kv_write.h"
#include "kernels/matmul.h"
#include "model/blocks/branch.h"

namespace pumice {

Result<CrossWeights> bind_cross(const ModelSpec& spec, const LayerSpec& layer, const std::string& block,
                                WeightReader& reader) {
  const AttentionSpec& cross = layer.cross;
  const std::string prefix = block + cross.names.prefix;
  CrossWeights weights;
  PUMICE_ASSIGN(weights.norm, bind_norm(spec, block, layer.cross_norm, reader));
  PUMICE_ASSIGN(weights.sum_norm, bind_norm(spec, block, layer.cross_sum_norm, reader));
  PUMICE_ASSIGN(weights.q, reader.projection(prefix + "q", cross.q_width(), spec.width));
  const std::string names[] = {prefix + "k", prefix + "v"};
  const uint64_t rows[] = {cross.kv_width(), cross.kv_width()};
  PUMICE_ASSIGN(weights.kv, reader.stacked(names, rows, spec.encoder[0].width));
  PUMICE_ASSIGN(weights.output, reader.projection(block + cross.names.output, spec.width, cross.q_width()));
  return weights;
}

void record_cross_source(Recorder recorder, const StepContext& context, size_t index, FloatRows x) {
  const AttentionSpec& cross = context.spec.layers[index].cross;
  const FloatRows kv = rows_of(context.work.projected, 2 * cross.kv_width());
  for (const Projection& projection : context.weights.layers[index].cross.kv)
    linear(recorder, {.w = projection.w,
                      .x = x,
                      .bias = projection.bias ? &*projection.bias : nullptr,
                      .y = kv,
                      .y_offset = projection.y_offset,
                      .n = context.step.n,
                      .exact = context.step.exact});
  kv_write(recorder, {.qkv = kv,
                      .frequencies = context.weights.ropes[cross.rope].frequencies,
                      .step_rows = context.step.step_rows,
                      .q = rows_of(context.work.q, cross.q_width()),
                      .pages = context.step.cross.pages[index],
                      .n = context.step.n,
                      .heads = 0,
                      .kv_heads = cross.kv_heads,
                      .head_dim = cross.head_dim});
}

void record_cross(Recorder recorder, const StepContext& context, size_t index) {
  const LayerSpec& layer = context.spec.layers[index];
  const AttentionSpec& spec = layer.cross;
  const CrossWeights& weights = context.weights.layers[index].cross;
  const CrossStep& source = context.step.cross;
  const FloatRows q = rows_of(context.work.q, spec.q_width()), mixed = rows_of(context.work.mixed, spec.q_width());
  BranchInput input(recorder, context, layer.cross_norm.empty() ? BranchInput::Norm::kNone : BranchInput::Norm::kOwn,
                    weights.norm);
  input.project(weights.q, q);
  if (source.queries && !recorder.list) {
    const uint64_t bytes = uint64_t{4} * context.step.n * q.stride;
    recorder.stream.copy({context.work.q, 0, bytes}, {*source.queries, index * bytes, bytes});
  }
  attention(recorder, {.q = q,
                       .pages = source.pages[index],
                       .step_rows = source.step_rows,
                       .y = mixed,
                       .n = context.step.n,
                       .heads = spec.heads,
                       .kv_heads = spec.kv_heads,
                       .head_dim = spec.head_dim,
                       .scale = spec.scale,
                       .arguments = &source.arguments,
                       .max_splits = context.work.max_splits,
                       .partials = context.work.partials,
                       .counters = context.work.counters});
  add_branch(recorder, context, mixed,
             {.projection = weights.output, .post_norm = {}, .post_norm_weights = weights.norm});
}

}  // namespace pumice
