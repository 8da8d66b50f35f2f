#include "model/blocks/mixture.h"

#include "kernels/activation.h"
#include "kernels/combine.h"
#include "kernels/matmul.h"
#include "kernels/route.h"
#include "model/blocks/branch.h"

namespace pumice {

Result<MixtureWeights> bind_mixture(const ModelSpec& spec, const LayerSpec& layer, const std::string& block,
                                    WeightReader& reader) {
  const MixtureSpec& mixture = layer.feed_forward.mixture;
  const uint32_t width = layer.feed_forward.width, shared = mixture.shared_width;
  MixtureWeights weights;
  PUMICE_ASSIGN(weights.router, reader.projection(block + "ffn_gate_inp", mixture.experts, spec.width));
  weights.biased_selection = reader.has_bias(block + "exp_probs_b");
  if (weights.biased_selection) {
    PUMICE_ASSIGN(weights.selection_bias, reader.bias(block + "exp_probs_b", mixture.experts));
  }
  PUMICE_ASSIGN(weights.gate, reader.experts(block + "ffn_gate_exps", mixture.experts, width, spec.width));
  PUMICE_ASSIGN(weights.up, reader.experts(block + "ffn_up_exps", mixture.experts, width, spec.width));
  PUMICE_ASSIGN(weights.down, reader.experts(block + "ffn_down_exps", mixture.experts, spec.width, width));
  if (shared == 0) return weights;
  PUMICE_ASSIGN(weights.shared_gate, reader.projection(block + "ffn_gate_shexp", shared, spec.width));
  PUMICE_ASSIGN(weights.shared_up, reader.projection(block + "ffn_up_shexp", shared, spec.width));
  PUMICE_ASSIGN(weights.shared_down, reader.projection(block + "ffn_down_shexp", spec.width, shared));
  return weights;
}

void record_mixture(Recorder recorder, const StepContext& context, size_t index, BranchInput& input) {
  const LayerSpec& layer = context.spec.layers[index];
  const FeedForwardSpec& spec = layer.feed_forward;
  const MixtureSpec& mixture = spec.mixture;
  const MixtureWeights& weights = context.weights.layers[index].feed_forward.mixture;
  const uint32_t n = context.step.n, pairs = n * mixture.used;
  const FloatRows logits = rows_of(context.work.router, mixture.experts);
  const FloatRows gate = rows_of(context.work.gate, spec.width), up = rows_of(context.work.up, spec.width);
  input.project(weights.router, logits);
  route(recorder, {.logits = logits,
                   .bias = weights.biased_selection ? &weights.selection_bias : nullptr,
                   .choices = context.work.choices,
                   .n = n,
                   .experts = mixture.experts,
                   .used = mixture.used,
                   .gating = mixture.gating,
                   .normalised = mixture.normalised,
                   .scale = mixture.scale});
  if (matvec_activates(spec.activation) && weights.gate.w.type == weights.up.w.type && !weights.gate.bias) {
    input.project_chosen(weights.gate, &weights.up.w, spec, gate);
  } else {
    input.project_chosen(weights.gate, nullptr, spec, gate);
    input.project_chosen(weights.up, nullptr, spec, up);
    activation(recorder, {.gate = gate,
                          .up = &up,
                          .y = gate,
                          .n = pairs,
                          .cols = spec.width,
                          .activation = spec.activation,
                          .limit = spec.activation_limit});
  }
  matvec(recorder, {.w = weights.down.w,
                    .x = gate,
                    .bias = weights.down.bias ? &*weights.down.bias : nullptr,
                    .y = rows_of(context.work.expert_rows, context.spec.width),
                    .n = pairs,
                    .choices = &context.work.choices,
                    .experts = mixture.experts});
  if (mixture.shared_width == 0) return;
  const FloatRows shared = rows_of(context.work.gate, mixture.shared_width);
  input.project_activated(weights.shared_gate, weights.shared_up, spec,
                          {.gate = shared, .up = rows_of(context.work.up, mixture.shared_width)});
}

void add_mixture(Recorder recorder, const StepContext& context, size_t index) {
  const LayerSpec& layer = context.spec.layers[index];
  const MixtureSpec& mixture = layer.feed_forward.mixture;
  const MixtureWeights& weights = context.weights.layers[index].feed_forward.mixture;
  const FloatRows target = branch_target(context, layer.ffn_post_norm);
  const bool adds = layer.ffn_post_norm.empty();
  if (mixture.shared_width != 0)
    linear(recorder, {.w = weights.shared_down.w,
                      .x = rows_of(context.work.gate, mixture.shared_width),
                      .factor = adds ? layer.residual_scale : 1,
                      .accumulate = adds,
                      .y = target,
                      .n = context.step.n,
                      .exact = context.step.exact});
  combine(recorder, {.x = rows_of(context.work.expert_rows, context.spec.width),
                     .choices = context.work.choices,
                     .y = target,
                     .accumulate = adds || mixture.shared_width != 0,
                     .factor = adds ? layer.residual_scale : 1,
                     .n = context.step.n,
                     .used = mixture.used,
                     .cols = context.spec.width});
}

}  // namespace pumice
