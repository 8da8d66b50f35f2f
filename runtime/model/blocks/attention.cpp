#include "model/blocks/attention.h"

#include <utility>

#include "kernels/activation.h"
#include "kernels/attention.h"
#include "kernels/rms_norm.h"
#include "model/blocks/branch.h"

namespace pumice {
namespace {

// With the gate behind them.
Result<std::vector<Projection>> bind_gated_qkv(const ModelSpec& spec, const AttentionSpec& attention,
                                               const std::string& block, WeightReader& reader) {
  PUMICE_ASSIGN(auto pairs, reader.alternating(block + "attn_q", attention.heads, attention.head_dim, spec.width));
  const std::string names[] = {block + "attn_k", block + "attn_v"};
  const uint64_t rows[] = {attention.kv_width(), attention.kv_width()};
  PUMICE_ASSIGN(std::vector<Projection> all, reader.stacked(names, rows, spec.width));
  for (Projection& projection : all) projection.y_offset += attention.q_width();
  pairs[1].y_offset = attention.qkv_width();
  for (Projection& projection : pairs) all.push_back(std::move(projection));
  return all;
}

// Three matrices, or one with the rows of q, k and v in that order.
Result<std::vector<Projection>> bind_qkv(const ModelSpec& spec, const AttentionSpec& attention,
                                         const std::string& block, WeightReader& reader) {
  if (attention.gated) return bind_gated_qkv(spec, attention, block, reader);
  if (!reader.has(block + "attn_qkv")) {
    const std::string names[] = {block + "attn_q", block + "attn_k", block + "attn_v"};
    const uint64_t rows[] = {attention.q_width(), attention.kv_width(), attention.kv_width()};
    return reader.stacked(names, rows, spec.width);
  }
  const std::string name = block + "attn_qkv";
  const uint64_t rows = attention.qkv_width();
  return reader.stacked({&name, 1}, {&rows, 1}, spec.width);
}

// q and k of work.projected, in place.
void record_qk_norm(Recorder recorder, const StepContext& context, const AttentionSpec& attention,
                    const AttentionWeights& weights) {
  if (attention.qk_norm == QkNorm::kNone) return;
  const FloatRows qkv = rows_of(context.work.projected, attention.projected_width());
  const bool by_head = attention.qk_norm == QkNorm::kHead;
  const auto normalise = [&](const vk::Buffer& weight, uint32_t heads, uint32_t first_column) {
    rms_norm(recorder, {.x = qkv,
                        .weight = weight,
                        .y = qkv,
                        .first_column = first_column,
                        .n = context.step.n,
                        .segments = by_head ? heads : 1,
                        .cols = by_head ? attention.head_dim : heads * attention.head_dim,
                        .eps = context.spec.norm_eps});
  };
  normalise(weights.q_norm, attention.heads, 0);
  normalise(weights.k_norm, attention.kv_heads, attention.q_width());
}

// What attention resulted in, times the sigmoid of its gate.
void record_gate(Recorder recorder, const StepContext& context, const AttentionSpec& spec) {
  const FloatRows attended = rows_of(context.work.mixed, spec.q_width());
  activation(recorder, {.gate = rows_of(context.work.projected, spec.projected_width()),
                        .up = &attended,
                        .y = attended,
                        .gate_column = spec.qkv_width(),
                        .n = context.step.n,
                        .cols = spec.q_width(),
                        .activation = Activation::kSigmoid});
}

}  // namespace

Result<RopeWeights> bind_rope(const RopeSpec& rope, WeightReader& reader) {
  RopeWeights weights;
  static constexpr double kNone[] = {0};  // to bind where nothing is rotated
  PUMICE_ASSIGN(weights.frequencies,
                reader.words(rope_frequencies(rope.radians.empty() ? std::span(kNone) : std::span(rope.radians))));
  PUMICE_ASSIGN(weights.long_frequencies, reader.words(rope_frequencies(rope.long_radians)));
  return weights;
}

Result<AttentionWeights> bind_attention(const ModelSpec& spec, const LayerSpec& layer, const std::string& block,
                                        WeightReader& reader) {
  const AttentionSpec& attention = layer.attention;
  AttentionWeights weights;
  PUMICE_ASSIGN(weights.norm, bind_norm(spec, block, layer.attention_norm, reader));
  PUMICE_ASSIGN(weights.post_norm, bind_norm(spec, block, layer.attention_post_norm, reader, layer.residual_scale));
  PUMICE_ASSIGN(weights.qkv, bind_qkv(spec, attention, block, reader));
  if (attention.qk_norm != QkNorm::kNone) {
    const bool by_head = attention.qk_norm == QkNorm::kHead;
    PUMICE_ASSIGN(weights.q_norm,
                  reader.vector(block + "attn_q_norm", by_head ? attention.head_dim : attention.q_width()));
    PUMICE_ASSIGN(weights.k_norm,
                  reader.vector(block + "attn_k_norm", by_head ? attention.head_dim : attention.kv_width()));
  }
  if (attention.sinks) {
    PUMICE_ASSIGN(weights.sinks, reader.vector(block + "attn_sinks", attention.heads));
  }
  const float bias_factor = layer.attention_post_norm.empty() ? layer.residual_scale : 1;
  PUMICE_ASSIGN(weights.output, reader.projection(block + "attn_output", spec.width, attention.q_width(), bias_factor));
  return weights;
}

void record_attention(Recorder recorder, const StepContext& context, size_t index) {
  const LayerSpec& layer = context.spec.layers[index];
  const AttentionSpec& spec = layer.attention;
  const RopeSpec& rope = context.spec.rope(layer);
  const AttentionWeights& weights = context.weights.layers[index].attention;
  const StepShape& step = context.step;
  const FloatRows qkv = rows_of(context.work.projected, spec.projected_width());
  const FloatRows q = rows_of(context.work.q, spec.q_width());
  const FloatRows attended = rows_of(context.work.mixed, spec.q_width());
  const bool shared = layer.parallel && layer.ffn_norm.empty();
  BranchInput input(recorder, context,
                    layer.attention_norm.empty() ? BranchInput::Norm::kNone
                    : shared                     ? BranchInput::Norm::kPass
                                                 : BranchInput::Norm::kOwn,
                    weights.norm);
  for (const Projection& projection : weights.qkv) input.project(projection, qkv);
  record_qk_norm(recorder, context, spec, weights);
  const KvWriteArgs write{
      .qkv = qkv,
      .frequencies = context.weights.ropes[spec.rope].for_context(rope, context.work.shape.context_tokens),
      .step_rows = step.step_rows,
      .q = q,
      .pages = context.pages[index],
      .n = step.n,
      .heads = spec.heads,
      .kv_heads = spec.kv_heads,
      .head_dim = spec.head_dim,
      .rotary = rope.rotary,
      .pairs = rope.pairs,
      .query = {.magnitude = static_cast<float>(rope.score_magnitude()),
                .temperature = spec.temperature,
                .temperature_length = spec.temperature_length}};
  const bool appends = !step.one_sequence && attention_appends(write.pages.format);
  if (!appends) kv_write(recorder, write);
  attention(recorder, {.q = q,
                       .pages = write.pages,
                       .append = appends ? &write : nullptr,
                       .step_rows = step.step_rows,
                       .y = attended,
                       .n = step.n,
                       .heads = spec.heads,
                       .kv_heads = spec.kv_heads,
                       .head_dim = spec.head_dim,
                       .scale = spec.scale,
                       .window = spec.window,
                       .softcap = spec.softcap,
                       .sinks = spec.sinks ? &weights.sinks : nullptr,
                       .one_sequence = step.one_sequence,
                       .arguments = step.decode_arguments,
                       .max_splits = context.work.max_splits,
                       .partials = context.work.partials,
                       .counters = context.work.counters});
  if (spec.gated) record_gate(recorder, context, spec);
}

void add_attention(Recorder recorder, const StepContext& context, size_t index) {
  const LayerSpec& layer = context.spec.layers[index];
  const AttentionWeights& weights = context.weights.layers[index].attention;
  add_branch(recorder, context, rows_of(context.work.mixed, layer.attention.q_width()),
             {.projection = weights.output,
              .post_norm = layer.attention_post_norm,
              .post_norm_weights = weights.post_norm,
              .scale = layer.residual_scale});
}

}  // namespace pumice
