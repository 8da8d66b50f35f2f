#include "model/decoder_weights.h"

#include <string>
#include <utility>

#include "model/blocks/branch.h"

namespace pumice {

namespace {

// shared: the tables are those of the decoder that the spec is the encoder of.
Result<void> bind_tables(const ModelSpec& spec, WeightReader& reader, bool shared, DecoderWeights& weights) {
  PUMICE_ASSIGN(weights.sound, bind_sound(spec, reader));
  const std::string own = spec.prefix + "token_embd", own_positions = spec.prefix + "position_embd";
  if (spec.vocabulary != 0 && (reader.has(own) || !shared)) {
    PUMICE_ASSIGN(weights.embedding, reader.matrix(reader.has(own) ? own : "token_embd", spec.vocabulary, spec.width));
  }
  if (spec.learned_positions && (reader.has(own_positions) || !shared)) {
    const std::string name = reader.has(own_positions) ? own_positions : "position_embd";
    PUMICE_ASSIGN(weights.positions, reader.matrix(name, spec.context_length, spec.width));
  }
  if (spec.token_types != 0) {
    PUMICE_ASSIGN(weights.token_types, reader.matrix("token_types", spec.token_types, spec.width));
  }
  PUMICE_ASSIGN(weights.embedding_norm, bind_norm(spec, "", spec.embedding_norm, reader));
  return {};
}

// The last matrix, or its bias alone where it is the embedding's.
Result<void> bind_head(const ModelSpec& spec, WeightReader& reader, DecoderWeights& weights) {
  PUMICE_ASSIGN(weights.output_norm, bind_norm(spec, "", spec.output_norm, reader, spec.logit_scale));
  if (spec.prefix == kEncoderPrefix || spec.vocabulary == 0) return {};
  if (reader.has("output")) {
    PUMICE_ASSIGN(weights.head, reader.projection("output", spec.vocabulary, spec.width));
  } else if (reader.has_bias("output")) {
    PUMICE_ASSIGN(weights.head.bias, reader.bias("output", spec.vocabulary));
  }
  return {};
}

Result<DecoderWeights> bind_stack(const ModelSpec& spec, WeightReader& reader, uint32_t host_layers, bool shared) {
  DecoderWeights weights;
  PUMICE_TRY(bind_tables(spec, reader, shared, weights));
  if (spec.per_layer_width != 0) {
    PUMICE_ASSIGN(weights.per_layer, bind_per_layer_inputs(spec, reader));
  }
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const std::string block = spec.prefix + "blk." + std::to_string(i) + ".";
    reader.keep_on_host(i + host_layers >= spec.layers.size());
    LayerWeights layer;
    if (spec.layers[i].attention.heads != 0) {
      PUMICE_ASSIGN(layer.attention, bind_attention(spec, spec.layers[i], block, reader));
    }
    if (spec.layers[i].recurrence.kind == RecurrenceKind::kSsru) {
      PUMICE_ASSIGN(layer.ssru, bind_ssru(spec, spec.layers[i], block, reader));
    } else if (spec.layers[i].recurrence.kind != RecurrenceKind::kNone) {
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
    if (spec.layers[i].crosses()) {
      PUMICE_ASSIGN(layer.cross, bind_cross(spec, spec.layers[i], block, reader));
    }
    if (spec.layers[i].output_scale) {
      PUMICE_ASSIGN(layer.output_scale, reader.scalar(block + "layer_output_scale"));
    }
    if (spec.embedding_skip) {
      PUMICE_ASSIGN(const float scale, reader.scalar(block + "layer_output_scale"));
      PUMICE_ASSIGN(layer.skip.weight, reader.constant(spec.width, scale));
    }
    weights.layers.push_back(std::move(layer));
  }
  reader.keep_on_host(false);
  PUMICE_TRY(bind_head(spec, reader, weights));
  for (const PooledLayerSpec& layer : spec.pooled) {
    PUMICE_ASSIGN(Projection bound, reader.projection(layer.name, layer.rows, layer.cols));
    weights.pooled.push_back(std::move(bound));
    if (!layer.norm.empty() && layer.rows != spec.width)
      return error(Status::kMalformed, "%s has %u rows, not %u", layer.name.c_str(), layer.rows, spec.width);
    PUMICE_ASSIGN(NormWeights norm, bind_norm(spec, "", layer.norm, reader));
    weights.pooled_norms.push_back(std::move(norm));
  }
  PUMICE_ASSIGN(weights.biases, bind_biases(spec, reader));
  for (const RopeSpec& rope : spec.ropes) {
    PUMICE_ASSIGN(RopeWeights bound, bind_rope(rope, reader));
    weights.ropes.push_back(std::move(bound));
  }
  return weights;
}

}  // namespace

Result<DecoderWeights> bind_weights(const ModelSpec& spec, WeightReader& reader, uint32_t host_layers) {
  reader.ignore(spec.unused_tensors);
  PUMICE_ASSIGN(DecoderWeights weights, bind_stack(spec, reader, host_layers, false));
  for (const ModelSpec& encoder : spec.encoder) {
    PUMICE_ASSIGN(DecoderWeights bound, bind_stack(encoder, reader, 0, true));
    weights.encoder.push_back(std::move(bound));
  }
  return weights;
}

}  // namespace pumice
