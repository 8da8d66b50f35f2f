#include "model/blocks/recurrence.h"

#include <algorithm>
#include <utility>

#include "kernels/activation.h"
#include "kernels/recurrence.h"
#include "kernels/rms_norm.h"
#include "kernels/short_conv.h"
#include "model/blocks/branch.h"
#include "shared/short_conv.h"

namespace pumice {
namespace {

// The first of each layer's columns in work.projected and work.convolved.
struct Columns {
  uint32_t conv = 0;  // what is convolved
  uint32_t gate = 0;  // z
  RecurrenceColumns heads;
};

Columns columns_of(const RecurrenceSpec& spec) {
  const uint32_t keys = spec.keys_width(), inner = spec.inner_width(), conv = spec.conv_width();
  if (spec.kind == RecurrenceKind::kMamba2)
    return {.conv = inner, .gate = 0, .heads = {.q = inner + keys, .k = inner, .v = 0, .decay = inner + conv}};
  const uint32_t gates = conv + inner;
  return {.gate = conv, .heads = {.q = 0, .k = keys, .v = 2 * keys, .decay = gates + spec.heads, .strength = gates}};
}

Result<std::vector<Projection>> bind_input(const ModelSpec& model, const RecurrenceSpec& spec, const std::string& block,
                                           WeightReader& reader) {
  if (spec.kind == RecurrenceKind::kDeltaRule) {
    const std::string names[] = {block + "attn_qkv", block + "attn_gate", block + "ssm_beta", block + "ssm_alpha"};
    const uint64_t rows[] = {spec.conv_width(), spec.inner_width(), spec.heads, spec.heads};
    if (!spec.paired_gates) return reader.stacked(names, rows, model.width);
    PUMICE_ASSIGN(auto all, reader.stacked(std::span(names).first(2), std::span(rows).first(2), model.width));
    PUMICE_ASSIGN(auto gates,
                  reader.alternating(block + "ssm_ba", spec.key_heads, spec.heads / spec.key_heads, model.width));
    gates[0].y_offset = spec.conv_width() + spec.inner_width();
    gates[1].y_offset = gates[0].y_offset + spec.heads;
    for (Projection& gate : gates) all.push_back(std::move(gate));
    return all;
  }
  const std::string name = block + (spec.kind == RecurrenceKind::kMamba2 ? "ssm_in" : "shortconv.in_proj");
  const uint64_t rows = spec.projected_width();
  return reader.stacked({&name, 1}, {&rows, 1}, model.width);
}

// The taps of each column at the end of its row of kConvMostTaps.
Result<void> bind_conv(const RecurrenceSpec& spec, const std::string& name, WeightReader& reader,
                       RecurrenceWeights& weights) {
  const uint32_t cols = spec.conv_width();
  PUMICE_ASSIGN(const std::vector<float> taps, reader.values(name + ".weight", cols, spec.taps));
  std::vector<float> padded(uint64_t{cols} * kConvMostTaps, 0.0f);
  for (uint32_t col = 0; col < cols; ++col)
    std::copy_n(&taps[uint64_t{col} * spec.taps], spec.taps, &padded[(col + uint64_t{1}) * kConvMostTaps - spec.taps]);
  PUMICE_ASSIGN(weights.conv, reader.floats(padded));
  std::vector<float> bias(cols, 0.0f);
  if (reader.has_bias(name)) {
    PUMICE_ASSIGN(bias, reader.values(name + ".bias", 1, cols));
  }
  PUMICE_ASSIGN(weights.conv_bias, reader.floats(bias));
  return {};
}

Result<void> bind_heads(const RecurrenceSpec& spec, const std::string& block, WeightReader& reader,
                        RecurrenceWeights& weights) {
  const bool mamba = spec.kind == RecurrenceKind::kMamba2;
  PUMICE_ASSIGN(const std::vector<float> dt, reader.values(block + "ssm_dt.bias", 1, spec.heads));
  PUMICE_ASSIGN(const std::vector<float> a,
                reader.values(block + "ssm_a", mamba ? spec.heads : 1, mamba ? 1 : spec.heads));
  std::vector<float> skip(spec.heads, 0.0f);
  if (mamba) {
    PUMICE_ASSIGN(skip, reader.values(block + "ssm_d", spec.heads, 1));
  }
  std::vector<float> of_heads;
  for (uint32_t head = 0; head < spec.heads; ++head)
    of_heads.insert(of_heads.end(), {dt[head], a[head], skip[head], 0});
  PUMICE_ASSIGN(weights.of_heads, reader.floats(of_heads));
  if (!spec.norm) return {};
  const uint32_t groups = mamba ? spec.key_heads : 1, cols = mamba ? spec.inner_width() / groups : spec.value_dim;
  PUMICE_ASSIGN(const std::vector<float> norm, reader.values(block + "ssm_norm.weight", groups, cols));
  for (uint32_t group = 0; group < groups; ++group) {
    PUMICE_ASSIGN(vk::Buffer weight, reader.floats(std::span(norm).subspan(uint64_t{group} * cols, cols)));
    weights.norms.push_back(std::move(weight));
  }
  return {};
}

// work.mixed = norm of each head of it, or of each group of heads.
void record_norms(Recorder recorder, const StepContext& context, const RecurrenceSpec& spec,
                  const RecurrenceWeights& weights) {
  const FloatRows mixed = rows_of(context.work.mixed, spec.inner_width());
  const auto groups = static_cast<uint32_t>(weights.norms.size());
  if (groups == 0) return;
  const bool by_head = spec.kind == RecurrenceKind::kDeltaRule;
  const uint32_t cols = by_head ? spec.value_dim : spec.inner_width() / groups;
  for (uint32_t group = 0; group < groups; ++group)
    rms_norm(recorder, {.x = mixed,
                        .weight = weights.norms[group],
                        .y = mixed,
                        .first_column = group * cols,
                        .n = context.step.n,
                        .segments = by_head ? spec.heads : 1,
                        .cols = cols,
                        .eps = context.spec.norm_eps});
}

// work.mixed from work.convolved.
void record_heads(Recorder recorder, const StepContext& context, size_t index) {
  const RecurrenceSpec& spec = context.spec.layers[index].recurrence;
  const RecurrenceWeights& weights = context.weights.layers[index].recurrence;
  const FloatRows projected = rows_of(context.work.projected, spec.projected_width());
  const FloatRows mixed = rows_of(context.work.mixed, spec.inner_width());
  const Columns columns = columns_of(spec);
  const bool delta = spec.kind == RecurrenceKind::kDeltaRule;
  recurrence(recorder, {.rule = delta ? RecurrenceRule::kDelta : RecurrenceRule::kMamba,
                        .x = rows_of(context.work.convolved, spec.conv_width()),
                        .gates = projected,
                        .columns = columns.heads,
                        .of_heads = weights.of_heads,
                        .step_rows = context.step.step_rows,
                        .states = context.states_of(index),
                        .state_first = short_conv_state(spec.conv_width()),
                        .y = mixed,
                        .n = context.step.n,
                        .heads = spec.heads,
                        .key_heads = spec.key_heads,
                        .key_dim = spec.key_dim,
                        .value_dim = spec.value_dim,
                        .tiled = spec.tiled,
                        .one_sequence = context.step.one_sequence,
                        .exact = context.step.exact != Exactness::kNone,
                        .eps = context.spec.norm_eps});
  if (delta) record_norms(recorder, context, spec, weights);
  activation(recorder, {.gate = projected,
                        .up = &mixed,
                        .y = mixed,
                        .n = context.step.n,
                        .cols = spec.inner_width(),
                        .gate_column = columns.gate});
  if (!delta) record_norms(recorder, context, spec, weights);
}

BranchInput::Norm norm_before(const LayerSpec& layer) {
  if (layer.attention_norm.empty()) return BranchInput::Norm::kNone;
  return layer.has_both() ? BranchInput::Norm::kPass : BranchInput::Norm::kOwn;
}

}  // namespace

Result<RecurrenceWeights> bind_recurrence(const ModelSpec& spec, const LayerSpec& layer, const std::string& block,
                                          WeightReader& reader) {
  const RecurrenceSpec& recurrence = layer.recurrence;
  const bool gates_only = recurrence.kind == RecurrenceKind::kShortConv;
  RecurrenceWeights weights;
  PUMICE_ASSIGN(weights.norm, bind_norm(spec, block, layer.attention_norm, reader));
  PUMICE_ASSIGN(weights.post_norm, bind_norm(spec, block, layer.attention_post_norm, reader, layer.residual_scale));
  PUMICE_ASSIGN(weights.input, bind_input(spec, recurrence, block, reader));
  PUMICE_TRY(bind_conv(recurrence, block + (gates_only ? "shortconv.conv" : "ssm_conv1d"), reader, weights));
  if (!gates_only) PUMICE_TRY(bind_heads(recurrence, block, reader, weights));
  const float bias_factor = layer.attention_post_norm.empty() ? layer.residual_scale : 1;
  PUMICE_ASSIGN(weights.output, reader.projection(block + (gates_only ? "shortconv.out_proj" : "ssm_out"), spec.width,
                                                  recurrence.inner_width(), bias_factor));
  return weights;
}

void record_recurrence(Recorder recorder, const StepContext& context, size_t index) {
  const LayerSpec& layer = context.spec.layers[index];
  const RecurrenceSpec& spec = layer.recurrence;
  const RecurrenceWeights& weights = context.weights.layers[index].recurrence;
  const FloatRows projected = rows_of(context.work.projected, spec.projected_width());
  const bool gates_only = spec.kind == RecurrenceKind::kShortConv;
  BranchInput input(recorder, context, norm_before(layer), weights.norm);
  for (const Projection& projection : weights.input) input.project(projection, projected);
  short_conv(recorder, {.x = projected,
                        .weight = weights.conv,
                        .bias = weights.conv_bias,
                        .step_rows = context.step.step_rows,
                        .states = context.states_of(index),
                        .y = rows_of(gates_only ? context.work.mixed : context.work.convolved, spec.conv_width()),
                        .first_column = columns_of(spec).conv,
                        .n = context.step.n,
                        .cols = spec.conv_width(),
                        .one_sequence = context.step.one_sequence,
                        .gated = gates_only,
                        .activated = !gates_only});
  if (!gates_only) record_heads(recorder, context, index);
}

void add_recurrence(Recorder recorder, const StepContext& context, size_t index) {
  const LayerSpec& layer = context.spec.layers[index];
  const RecurrenceWeights& weights = context.weights.layers[index].recurrence;
  add_branch(recorder, context, rows_of(context.work.mixed, layer.recurrence.inner_width()),
             {.projection = weights.output,
              .post_norm = layer.attention_post_norm,
              .post_norm_weights = weights.post_norm,
              .scale = layer.residual_scale});
}

}  // namespace pumice
