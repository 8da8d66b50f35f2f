// Latent attention (MLA), absorbed: per head q = [rope(q_rope) | W_k_b q_plain], and for all heads one key
// [rope(k_rope) | c] and value c, c = norm(W_kv_a n); a head's result is W_v_b of its part of the attention over c.
// Source: DeepSeek-AI 2024 (DeepSeek-V2).
#pragma once

#include <array>
#include <string>

#include "model/spec.h"
#include "model/weight_reader.h"

namespace pumice {

struct StepContext;
class BranchInput;

struct LatentWeights {
  Projection query_down;          // (query_rank, width) or empty
  Projection query;               // (heads * latent_head, query_rank or width)
  vk::Buffer query_norm;          // (query_rank) or empty
  std::array<Projection, 2> key;  // (key_rank, width), (rotary, width)
  vk::Buffer key_norm;            // (key_rank)
  Projection key_up, value_up;    // of each head (key_rank, plain), (value, key_rank)
};
// `block`: the beginning of the layer's tensor names, "blk.0.".
Result<LatentWeights> bind_latent(const ModelSpec& spec, const AttentionSpec& attention, const std::string& block,
                                  WeightReader& reader);

// Into work.projected, and the part of queries that is not rotated into work.q.
void project_latent(Recorder recorder, const StepContext& context, size_t layer, BranchInput& input);
// The heads' results, from work.mixed into work.q.
void expand_latent(Recorder recorder, const StepContext& context, size_t layer);

}  // namespace pumice
