// The feed-forward block: hidden += scale post_norm(W_down (act(W_gate n) * W_up n)), n = norm(hidden).
// Source: Shazeer 2020 (GLU variants).
#pragma once

#include <string>

#include "model/blocks/mixture.h"
#include "model/spec.h"
#include "model/weight_reader.h"

namespace pumice {

struct StepContext;

struct FeedForwardWeights {
  NormWeights norm, post_norm;  // (width) or empty
  Projection gate, up;          // (ffn_width, width)
  Projection down;              // (width, ffn_width)
  vk::Buffer factors;           // (ffn_width) or empty, of activated rows
  MixtureWeights mixture;       // instead of gate, up and down
};
// `block`: the beginning of the layer's tensor names, "blk.0.".
Result<FeedForwardWeights> bind_feed_forward(const ModelSpec& spec, const LayerSpec& layer, const std::string& block,
                                             WeightReader& reader);

// Up to work.gate (of a mixture to its experts' results), and from there into hidden.
void record_feed_forward(Recorder recorder, const StepContext& context, size_t layer);
void add_feed_forward(Recorder recorder, const StepContext& context, size_t layer);

}  // namespace pumice
