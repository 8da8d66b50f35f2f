// Per-layer embeddings: each layer adds hidden += post_norm(W_proj (gelu(W_gate hidden) * inputs)), where a token's
// inputs come from a table of their own and from its embedding. Source: Gemma team 2025 (Gemma 3n).
#pragma once

#include <string>

#include "model/spec.h"
#include "model/weight_reader.h"

namespace pumice {

struct StepContext;

// Of all layers together: inputs = (norm(W x / sqrt(width)) + sqrt(per_layer_width) table[token]) / sqrt(2).
struct PerLayerInputs {
  WeightMatrix table;     // (vocabulary, layers * per_layer_width)
  Projection projection;  // (layers * per_layer_width, width)
  vk::Buffer norm;        // (per_layer_width)
};
Result<PerLayerInputs> bind_per_layer_inputs(const ModelSpec& spec, WeightReader& reader);

struct PerLayerWeights {
  Projection gate, projection;  // (per_layer_width, width), (width, per_layer_width)
  NormWeights post_norm;        // (width)
};
// `block`: the beginning of the layer's tensor names, "blk.0.".
Result<PerLayerWeights> bind_per_layer(const ModelSpec& spec, const std::string& block, WeightReader& reader);

// From hidden, the embedding, into work.per_layer.
void record_per_layer_inputs(Recorder recorder, const StepContext& context);
void add_per_layer(Recorder recorder, const StepContext& context, size_t layer);

}  // namespace pumice
