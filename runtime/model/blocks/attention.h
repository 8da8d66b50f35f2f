// The attention block: hidden += scale post_norm(W_o attention(rope(W_q n), rope(W_k n), W_v n)), n = norm(hidden).
// Source: Vaswani et al. 2017; Su et al. 2021 (RoFormer).
#pragma once

#include <string>
#include <vector>

#include "model/blocks/latent.h"
#include "model/spec.h"
#include "model/weight_reader.h"

namespace pumice {

struct StepContext;

// Biases of scores by distance for all layers of a stack, (heads, 2 kAttentionReach + 1); empty where it has none.
// Source: Raffel et al. 2020 (T5).
Result<vk::Buffer> bind_biases(const ModelSpec& spec, WeightReader& reader);

struct RopeWeights {
  vk::Buffer frequencies, long_frequencies;  // (rotary / 2) as rope_frequencies() gives them

  const vk::Buffer& for_context(const RopeSpec& rope, uint32_t context_tokens) const {
    return &rope.radians_for(context_tokens) == &rope.radians ? frequencies : long_frequencies;
  }
};
Result<RopeWeights> bind_rope(const RopeSpec& rope, WeightReader& reader);

struct AttentionWeights {
  NormWeights norm, post_norm;  // (width) or empty
  std::vector<Projection> qkv;  // together (qkv_width, width): one matrix where q, k and v have one type
  vk::Buffer
      head_norms;  // a row of head_dim for each head of q, k and v that is normalised before it is rotated; or empty
  // Of all heads of q and of k together, (q_width) and (kv_width); or after the rotation, (head_dim): q_norm has the
  // weights of both then, as only scores matter and what is cached can be rotated further. Or empty.
  vk::Buffer q_norm, k_norm;
  Projection gate;       // (gate_width, width) or empty
  LatentWeights latent;  // instead of qkv
  Projection output;     // (width, result_width)
  vk::Buffer sinks;      // (heads) or empty
  vk::Buffer slopes;     // (heads) or empty
};
// `block`: the beginning of the layer's tensor names, "blk.0.".
Result<AttentionWeights> bind_attention(const ModelSpec& spec, const LayerSpec& layer, const std::string& block,
                                        WeightReader& reader);

// Up to work.mixed, and from there into hidden.
void record_attention(Recorder recorder, const StepContext& context, size_t layer);
void add_attention(Recorder recorder, const StepContext& context, size_t layer);

}  // namespace pumice
