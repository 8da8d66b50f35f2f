#include "model/blocks/feed_forward.h"

#include "model/blocks/branch.h"

namespace pumice {

Result<FeedForwardWeights> bind_feed_forward(const ModelSpec& spec, const LayerSpec& layer, const std::string& block,
                                             WeightReader& reader) {
  const uint32_t ffn_width = layer.feed_forward.width;
  FeedForwardWeights weights;
  PUMICE_ASSIGN(weights.norm, bind_norm(spec, block, layer.ffn_norm, reader));
  PUMICE_ASSIGN(weights.post_norm, bind_norm(spec, block, layer.ffn_post_norm, reader, layer.residual_scale));
  if (layer.feed_forward.mixture.experts != 0) {
    PUMICE_ASSIGN(weights.mixture, bind_mixture(spec, layer, block, reader));
    return weights;
  }
  const bool gated = layer.feed_forward.gated, apart = reader.has(block + "ffn_gate");
  if (gated && apart) {
    PUMICE_ASSIGN(weights.gate, reader.projection(block + "ffn_gate", ffn_width, spec.width));
  }
  if (gated && !apart) {
    PUMICE_ASSIGN(auto halves, reader.parts(block + layer.feed_forward.up_name, {ffn_width, ffn_width}, spec.width));
    weights.gate = std::move(halves[0]);
    weights.up = std::move(halves[1]);
  } else {
    PUMICE_ASSIGN(weights.up, reader.projection(block + layer.feed_forward.up_name, ffn_width, spec.width));
  }
  if (layer.feed_forward.divided) {
    PUMICE_ASSIGN(std::vector<float> factors, reader.values(block + "ffn.act.scales", 1, ffn_width));
    for (float& factor : factors) factor = 1 / factor;
    PUMICE_ASSIGN(weights.factors, reader.floats(factors));
  }
  const float bias_factor = layer.ffn_post_norm.empty() ? layer.residual_scale : 1;
  PUMICE_ASSIGN(weights.down,
                reader.projection(block + layer.feed_forward.down_name, spec.width, ffn_width, bias_factor));
  return weights;
}

void record_feed_forward(Recorder recorder, const StepContext& context, size_t index) {
  const LayerSpec& layer = context.spec.layers[index];
  if (layer.feed_forward.mixture.own_norms) return record_normed_mixture(recorder, context, index);
  const FeedForwardWeights& weights = context.weights.layers[index].feed_forward;
  BranchInput input(recorder, context,
                    !layer.ffn_norm.empty() ? BranchInput::Norm::kOwn
                    : layer.parallel        ? BranchInput::Norm::kShared
                                            : BranchInput::Norm::kNone,
                    weights.norm);
  if (layer.feed_forward.mixture.experts != 0) return record_mixture(recorder, context, index, input);
  const uint32_t ffn_width = layer.feed_forward.width;
  const FloatRows up = layer.feed_forward.divided ? FloatRows{.view = weights.factors, .stride = 0}
                                                  : rows_of(context.work.up, ffn_width);
  input.project_activated(weights.gate, weights.up, layer.feed_forward,
                          {.gate = rows_of(context.work.gate, ffn_width), .up = up});
}

void add_feed_forward(Recorder recorder, const StepContext& context, size_t index) {
  const LayerSpec& layer = context.spec.layers[index];
  const FeedForwardWeights& weights = context.weights.layers[index].feed_forward;
  const float sum_factor = context.spec.per_layer_width ? 1 : context.weights.layers[index].output_scale;
  if (layer.feed_forward.mixture.experts != 0) {
    add_mixture(recorder, context, index);
    return finish_branch(recorder, context, layer.ffn_post_norm, weights.post_norm, sum_factor);
  }
  add_branch(recorder, context, rows_of(context.work.gate, layer.feed_forward.width),
             {.projection = weights.down,
              .post_norm = layer.ffn_post_norm,
              .post_norm_weights = weights.post_norm,
              .scale = layer.residual_scale,
              .sum_factor = sum_factor});
}

}  // namespace pumice
