// A mixture of experts in place of the feed-forward block: hidden += scale post_norm(sum of weight_e expert_e(n) +
// shared(n)), n = norm(hidden); a router chooses the experts of each token.
// Sources: Shazeer et al. 2017; Jiang et al. 2024 (Mixtral); Dai et al. 2024 (shared experts).
#pragma once

#include <string>

#include "model/spec.h"
#include "model/weight_reader.h"

namespace pumice {

struct StepContext;
class BranchInput;

struct MixtureWeights {
  Projection router;          // (experts, width)
  vk::Buffer selection_bias;  // (experts) or empty
  bool biased_selection = false;
  Projection gate, up, down;  // of all experts: (experts * ffn_width, width) twice, (experts * width, ffn_width)
  Projection latent_down, latent_up;               // (latent_width, width), (width, latent_width), or empty
  Projection shared_gate, shared_up, shared_down;  // empty where there is none
  Projection shared_weight;                        // (1, width) or empty
  // Where they have norms of their own.
  NormWeights router_norm, norm, post_norm, shared_post_norm;  // (width)
  vk::Buffer scales;                                           // (experts), of their results; or empty
};
Result<MixtureWeights> bind_mixture(const ModelSpec& spec, const LayerSpec& layer, const std::string& block,
                                    WeightReader& reader);

// From the block's input to the results of all experts, and from there to the sum in branch_target().
void record_mixture(Recorder recorder, const StepContext& context, size_t layer, BranchInput& input);
// Before the attention block, where the router, or experts too, read what that reads.
void record_early_mixture(Recorder recorder, const StepContext& context, size_t layer);
// The same where chosen experts, shared ones and the router read the block's input through norms of their own.
void record_normed_mixture(Recorder recorder, const StepContext& context, size_t layer);
void add_mixture(Recorder recorder, const StepContext& context, size_t layer);

}  // namespace pumice
