#include "model/blocks/mixture.h"

#include <cmath>
#include <limits>

#include "kernels/activation.h"
#include "kernels/combine.h"
#include "kernels/expert_tiles.h"
#include "kernels/matmul.h"
#include "kernels/route.h"
#include "model/blocks/branch.h"

namespace pumice {

// Columns of what experts read and result in.
static uint32_t expert_width(const ModelSpec& spec, const MixtureSpec& mixture) {
  return mixture.latent_width ? mixture.latent_width : spec.width;
}

// The matrices of all experts.
static Result<void> bind_experts(const ModelSpec& spec, const FeedForwardSpec& ffn, const std::string& block,
                                 WeightReader& reader, MixtureWeights& weights) {
  const MixtureSpec& mixture = ffn.mixture;
  const uint32_t width = ffn.width, outer = expert_width(spec, mixture);
  if (mixture.latent_width != 0) {
    PUMICE_ASSIGN(weights.latent_down, reader.projection(block + "ffn_latent_down", outer, spec.width));
    PUMICE_ASSIGN(weights.latent_up, reader.projection(block + "ffn_latent_up", spec.width, outer));
  }
  if (reader.has(block + "ffn_gate_up_exps")) {
    PUMICE_ASSIGN(auto halves, reader.expert_halves(block + "ffn_gate_up_exps", mixture.experts, width, outer));
    weights.gate = std::move(halves[0]);
    weights.up = std::move(halves[1]);
  } else {
    if (ffn.gated) {
      PUMICE_ASSIGN(weights.gate, reader.experts(block + "ffn_gate_exps", mixture.experts, width, outer));
    }
    PUMICE_ASSIGN(weights.up, reader.experts(block + "ffn_up_exps", mixture.experts, width, outer));
  }
  PUMICE_ASSIGN(weights.down, reader.experts(block + "ffn_down_exps", mixture.experts, outer, width));
  return {};
}

Result<MixtureWeights> bind_mixture(const ModelSpec& spec, const LayerSpec& layer, const std::string& block,
                                    WeightReader& reader) {
  const MixtureSpec& mixture = layer.feed_forward.mixture;
  const uint32_t shared = mixture.shared_width;
  const bool gated = layer.feed_forward.gated;
  MixtureWeights weights;
  PUMICE_ASSIGN(weights.router, reader.projection(block + "ffn_gate_inp", mixture.experts, spec.width));
  weights.biased_selection = reader.has_bias(block + "exp_probs_b") || reader.has(block + "exp_probs_b");
  if (reader.has_bias(block + "exp_probs_b")) {
    PUMICE_ASSIGN(weights.selection_bias, reader.bias(block + "exp_probs_b", mixture.experts));
  } else if (weights.biased_selection) {
    PUMICE_ASSIGN(weights.selection_bias, reader.vector(block + "exp_probs_b", mixture.experts));
  }
  PUMICE_TRY(bind_experts(spec, layer.feed_forward, block, reader, weights));
  if (mixture.scales) {
    PUMICE_ASSIGN(weights.scales, reader.scales(block + "ffn_down_exps", mixture.experts));
  }
  if (mixture.own_norms) {
    const float root = std::sqrt(static_cast<float>(spec.width));
    PUMICE_ASSIGN(weights.router_norm.weight, reader.scales(block + "ffn_gate_inp", spec.width, 1 / root));
    PUMICE_ASSIGN(weights.norm, bind_norm(spec, block, "pre_ffw_norm_2", reader));
    PUMICE_ASSIGN(weights.post_norm, bind_norm(spec, block, "post_ffw_norm_2", reader));
    PUMICE_ASSIGN(weights.shared_post_norm, bind_norm(spec, block, "post_ffw_norm_1", reader));
  }
  if (!mixture.early_norm.empty()) {
    PUMICE_ASSIGN(weights.norm, bind_norm(spec, block, mixture.early_norm, reader));
  }
  if (shared == 0) return weights;
  const std::string& end = mixture.shared_end;
  if (gated) {
    PUMICE_ASSIGN(weights.shared_gate, reader.projection(block + "ffn_gate" + end, shared, spec.width));
  }
  PUMICE_ASSIGN(weights.shared_up, reader.projection(block + "ffn_up" + end, shared, spec.width));
  PUMICE_ASSIGN(weights.shared_down, reader.projection(block + "ffn_down" + end, spec.width, shared));
  if (mixture.shared_gate) {
    PUMICE_ASSIGN(weights.shared_weight, reader.projection(block + "ffn_gate_inp" + end, 1, spec.width));
    weights.shared_weight.y_offset = mixture.experts;
  }
  return weights;
}

// The rows of an expert that a workgroup takes together. Where a row has to be the same bits however many there are
// with it, that has to hold of the kernel's forms for all numbers of rows.
static uint32_t tile_of(const vk::DeviceCaps& caps, const StepContext& context, const FeedForwardSpec& spec,
                        const MixtureWeights& weights) {
  const MatvecShape shape{.type = weights.up.w.type,
                          .rows = spec.width,
                          .cols = expert_width(context.spec, spec.mixture),
                          .n = context.step.n * spec.mixture.used,
                          .gated = spec.gated};
  if (context.step.exact != Exactness::kNone && !choose_matvec(caps, shape).lanes()) return 1;
  return matvec_tile(caps, shape, spec.mixture.experts);
}

static void record_shared(Recorder recorder, const StepContext& context, size_t index, BranchInput& input) {
  const FeedForwardSpec& spec = context.spec.layers[index].feed_forward;
  const MixtureSpec& mixture = spec.mixture;
  const MixtureWeights& weights = context.weights.layers[index].feed_forward.mixture;
  const FloatRows shared = rows_of(context.work.gate, mixture.shared_width);
  input.project_activated(weights.shared_gate, weights.shared_up, spec,
                          {.gate = shared, .up = rows_of(context.work.up, mixture.shared_width)});
  if (!mixture.shared_gate) return;
  const FloatRows router = rows_of(context.work.router, mixture.router_columns());
  input.project(weights.shared_weight, router);
  activation(recorder, {.gate = router,
                        .up = &shared,
                        .y = shared,
                        .n = context.step.n,
                        .cols = mixture.shared_width,
                        .activation = Activation::kSigmoid,
                        .gate_column = mixture.experts,
                        .gate_share = mixture.shared_width});
}

static void record_router(Recorder recorder, const StepContext& context, size_t index, BranchInput& input) {
  const MixtureSpec& mixture = context.spec.layers[index].feed_forward.mixture;
  const MixtureWeights& weights = context.weights.layers[index].feed_forward.mixture;
  const FloatRows logits = rows_of(context.work.router, mixture.router_columns());
  input.project(weights.router, logits);
  route(recorder, {.logits = logits,
                   .bias = weights.biased_selection ? &weights.selection_bias : nullptr,
                   .scales = mixture.scales ? &weights.scales : nullptr,
                   .choices = context.work.choices,
                   .n = context.step.n,
                   .experts = mixture.experts,
                   .used = mixture.used,
                   .gating = mixture.gating,
                   .normalised = mixture.normalised,
                   .scale = mixture.scale,
                   .groups = mixture.groups,
                   .groups_used = mixture.groups_used});
}

// gate *= weight. What the weight does to up is left to the weighted sum of the results, as down is linear.
static void weigh_gates(Recorder recorder, const StepContext& context, FloatRows gate, uint32_t pairs, uint32_t cols) {
  activation(recorder, {.gate = {.view = context.work.choices, .stride = kRouteChoiceWords},
                        .up = &gate,
                        .y = gate,
                        .n = pairs,
                        .cols = cols,
                        .activation = Activation::kClip,
                        .limit = std::numeric_limits<float>::max(),
                        .gate_column = kRouteChoiceWords - 1,
                        .gate_share = cols});
}

static void record_experts(Recorder recorder, const StepContext& context, size_t index, BranchInput& input) {
  const FeedForwardSpec& spec = context.spec.layers[index].feed_forward;
  const MixtureSpec& mixture = spec.mixture;
  const MixtureWeights& weights = context.weights.layers[index].feed_forward.mixture;
  const uint32_t pairs = context.step.n * mixture.used;
  const FloatRows gate = rows_of(context.work.gate, spec.width), up = rows_of(context.work.up, spec.width);
  const FloatRows latent = rows_of(context.work.mixed, mixture.latent_width);
  const FloatRows* const x = mixture.latent_width ? &latent : nullptr;
  if (x) input.project(weights.latent_down, latent);
  const uint32_t tile = tile_of(recorder.kernels.caps(), context, spec, weights);
  if (tile > 1)
    expert_tiles(recorder, {.choices = context.work.choices,
                            .tiles = context.work.tiles,
                            .rows = pairs,
                            .experts = mixture.experts,
                            .size = tile});
  if (spec.gated && matvec_activates(spec.activation) && weights.gate.w.type == weights.up.w.type &&
      !weights.gate.bias && !mixture.weighted_input) {
    input.project_chosen(weights.gate, &weights.up.w, spec, tile, gate, x);
  } else {
    input.project_chosen(spec.gated ? weights.gate : weights.up, nullptr, spec, tile, gate, x);
    if (spec.gated) input.project_chosen(weights.up, nullptr, spec, tile, up, x);
    if (mixture.weighted_input) weigh_gates(recorder, context, gate, pairs, spec.width);
    activation(recorder, {.gate = gate,
                          .up = spec.gated ? &up : nullptr,
                          .y = gate,
                          .n = pairs,
                          .cols = spec.width,
                          .activation = spec.activation,
                          .limit = spec.activation_limit});
  }
  matvec(recorder, {.w = weights.down.w,
                    .x = gate,
                    .bias = weights.down.bias ? &*weights.down.bias : nullptr,
                    .y = rows_of(context.work.expert_rows, expert_width(context.spec, mixture)),
                    .n = pairs,
                    .choices = &context.work.choices,
                    .experts = mixture.experts,
                    .tiles = tile > 1 ? &context.work.tiles : nullptr,
                    .tile_size = tile});
}

void record_mixture(Recorder recorder, const StepContext& context, size_t index, BranchInput& input) {
  const MixtureSpec& mixture = context.spec.layers[index].feed_forward.mixture;
  if (!mixture.early_router && mixture.early_norm.empty()) record_router(recorder, context, index, input);
  if (mixture.early_norm.empty()) record_experts(recorder, context, index, input);
  if (mixture.shared_width != 0) record_shared(recorder, context, index, input);
}

void record_early_mixture(Recorder recorder, const StepContext& context, size_t index) {
  const FeedForwardWeights& weights = context.weights.layers[index].feed_forward;
  const bool experts = !context.spec.layers[index].feed_forward.mixture.early_norm.empty();
  BranchInput input(recorder, context, experts ? BranchInput::Norm::kOwn : BranchInput::Norm::kNone,
                    weights.mixture.norm);
  record_router(recorder, context, index, input);
  if (experts) record_experts(recorder, context, index, input);
}

// An input that is not fused leaves its norm in work.normed, so each is made when its readers come.
void record_normed_mixture(Recorder recorder, const StepContext& context, size_t index) {
  const FeedForwardWeights& weights = context.weights.layers[index].feed_forward;
  const auto with = [&](const NormWeights& norm, auto record) {
    BranchInput input(recorder, context, BranchInput::Norm::kOwn, norm);
    record(recorder, context, index, input);
  };
  with(weights.mixture.router_norm, record_router);
  with(weights.mixture.norm, record_experts);
  with(weights.norm, record_shared);
}

// work.normed = post_norm(chosen experts) + shared_post_norm(shared ones).
static void add_normed_mixture(Recorder recorder, const StepContext& context, size_t index) {
  const MixtureSpec& mixture = context.spec.layers[index].feed_forward.mixture;
  const MixtureWeights& weights = context.weights.layers[index].feed_forward.mixture;
  const FloatRows normed = context.normed(), rows = rows_of(context.work.expert_rows, context.spec.width);
  const uint32_t n = context.step.n;
  combine(recorder, {.x = rows,
                     .choices = context.work.choices,
                     .y = normed,
                     .n = n,
                     .used = mixture.used,
                     .cols = context.spec.width});
  record_norm(recorder, context.spec, weights.post_norm, normed, normed, n);
  linear(recorder, {.w = weights.shared_down.w,
                    .x = rows_of(context.work.gate, mixture.shared_width),
                    .y = rows,
                    .n = n,
                    .exact = context.step.exact});
  record_norm(recorder, context.spec, weights.shared_post_norm, rows, normed, n, {.accumulate = true});
}

void add_mixture(Recorder recorder, const StepContext& context, size_t index) {
  const LayerSpec& layer = context.spec.layers[index];
  const MixtureSpec& mixture = layer.feed_forward.mixture;
  const MixtureWeights& weights = context.weights.layers[index].feed_forward.mixture;
  if (mixture.own_norms) return add_normed_mixture(recorder, context, index);
  const FloatRows target = branch_target(context, layer.ffn_post_norm);
  const bool adds = layer.ffn_post_norm.empty();
  const float factor = mixture.sum_scale * (adds ? layer.residual_scale : 1);
  if (mixture.shared_width != 0)
    linear(recorder, {.w = weights.shared_down.w,
                      .x = rows_of(context.work.gate, mixture.shared_width),
                      .factor = factor,
                      .accumulate = adds,
                      .y = target,
                      .n = context.step.n,
                      .exact = context.step.exact});
  const bool latent = mixture.latent_width != 0, accumulate = adds || mixture.shared_width != 0;
  const uint32_t cols = expert_width(context.spec, mixture);
  const FloatRows sum = rows_of(context.work.mixed, cols);
  combine(recorder, {.x = rows_of(context.work.expert_rows, cols),
                     .choices = context.work.choices,
                     .y = latent ? sum : target,
                     .accumulate = !latent && accumulate,
                     .factor = factor,
                     .n = context.step.n,
                     .used = mixture.used,
                     .cols = cols});
  if (latent)
    linear(recorder, {.w = weights.latent_up.w,
                      .x = sum,
                      .accumulate = accumulate,
                      .y = target,
                      .n = context.step.n,
                      .exact = context.step.exact});
}

}  // namespace pumice
