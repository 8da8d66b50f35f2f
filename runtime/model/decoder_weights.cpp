#include "model/decoder_weights.h"

#include <string>
#include <utility>

#include "model/blocks/branch.h"

namespace pumice {

Result<DecoderWeights> bind_weights(const ModelSpec& spec, WeightReader& reader, uint32_t host_layers) {
  DecoderWeights weights;
  reader.ignore(spec.unused_tensors);
  PUMICE_ASSIGN(weights.embedding, reader.matrix("token_embd", spec.vocabulary, spec.width));
  if (spec.learned_positions) {
    PUMICE_ASSIGN(weights.positions, reader.matrix("position_embd", spec.context_length, spec.width));
  }
  if (spec.token_types != 0) {
    PUMICE_ASSIGN(weights.token_types, reader.matrix("token_types", spec.token_types, spec.width));
  }
  PUMICE_ASSIGN(weights.embedding_norm, bind_norm(spec, "", spec.embedding_norm, reader));
  if (spec.per_layer_width != 0) {
    PUMICE_ASSIGN(weights.per_layer, bind_per_layer_inputs(spec, reader));
  }
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const std::string block = "blk." + std::to_string(i) + ".";
    reader.keep_on_host(i + host_layers >= spec.layers.size());
    LayerWeights layer;
    if (spec.layers[i].attention.heads != 0) {
      PUMICE_ASSIGN(layer.attention, bind_attention(spec, spec.layers[i], block, reader));
    }
    if (spec.layers[i].recurrence.kind != RecurrenceKind::kNone) {
      PUMICE_ASSIGN(layer.recurrence, bind_recurrence(spec, spec.layers[i], block, reader));
    }
    if (spec.layers[i].feed_forward.width != 0) {
      PUMICE_ASSIGN(layer.feed_forward, bind_feed_forward(spec, spec.layers[i], block, reader));
    }
    if (spec.per_layer_width != 0) {
      PUMICE_ASSIGN(layer.per_layer, bind_per_layer(spec, block, reader));
    }
    PUMICE_ASSIGN(layer.attention_sum_norm, bind_norm(spec, block, spec.layers[i].attention_sum_norm, reader));
    PUMICE_ASSIGN(layer.ffn_sum_norm, bind_norm(spec, block, spec.layers[i].ffn_sum_norm, reader));
    if (spec.layers[i].output_scale) {
      PUMICE_ASSIGN(layer.output_scale, reader.scalar(block + "layer_output_scale"));
    }
    weights.layers.push_back(std::move(layer));
  }
  reader.keep_on_host(false);
  PUMICE_ASSIGN(weights.output_norm, bind_norm(spec, "", spec.output_norm, reader, spec.logit_scale));
  if (reader.has("output")) {
    PUMICE_ASSIGN(weights.head, reader.projection("output", spec.vocabulary, spec.width));
  }
  for (const PooledLayerSpec& layer : spec.pooled) {
    PUMICE_ASSIGN(Projection bound, reader.projection(layer.name, layer.rows, layer.cols));
    weights.pooled.push_back(std::move(bound));
  }
  for (const RopeSpec& rope : spec.ropes) {
    PUMICE_ASSIGN(RopeWeights bound, bind_rope(rope, reader));
    weights.ropes.push_back(std::move(bound));
  }
  return weights;
}

}  // namespace pumice
