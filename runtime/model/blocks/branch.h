// A branch of the residual stream: how a block reads it, and how its result is added.
#pragma once

#include <optional>
#include <string>

#include "kernels/quantize.h"
#include "model/step.h"

namespace pumice {

// The norm `name` of the layer whose tensors begin with `block` (empty: of the model), times `factor`; an empty name:
// none.
Result<NormWeights> bind_norm(const ModelSpec& spec, const std::string& block, const std::string& name,
                              WeightReader& reader, float factor = 1);
// y = factor norm(x), y = factor (y + norm(x)).
struct NormSum {
  bool accumulate = false;
  float factor = 1;
};
void record_norm(Recorder recorder, const ModelSpec& spec, const NormWeights& norm, FloatRows x, FloatRows y,
                 uint32_t n, const NormSum& sum = {});

// y = x within the range; in place, too.
void clamp_rows(Recorder recorder, const ValueRange& range, FloatRows x, FloatRows y, uint32_t n, uint32_t columns,
                uint32_t first_column = 0);

// Whether projections can apply it themselves.
bool fuses_norm(const ModelSpec& spec, const NormWeights& norm);

// norm(hidden), which projections read: normalised once, and quantized once for all that read the same form.
class BranchInput {
 public:
  enum class Norm {
    kNone,    // hidden as it is
    kOwn,     // by the weights given, in the projections themselves where that pays
    kPass,    // the same, always in a pass of its own, which leaves it in work.normed
    kShared,  // what an earlier branch's kPass has left there
  };
  BranchInput(Recorder recorder, const StepContext& context, Norm norm, const NormWeights& weights);
  BranchInput(const BranchInput&) = delete;
  BranchInput& operator=(const BranchInput&) = delete;

  // y = norm(hidden) W^T + bias.
  void project(const Projection& projection, FloatRows y);
  // y (n * used, rows) = that of the experts that work.choices names; up: act(that) * (the same of up).
  // tile_size: of work.tiles; 1: rows are computed one by one. x: what they read instead; or none.
  void project_chosen(const Projection& experts, const WeightMatrix* up, const FeedForwardSpec& spec,
                      uint32_t tile_size, FloatRows y, const FloatRows* x = nullptr);
  // y.gate = act(norm(hidden) gate^T) * (norm(hidden) up^T); y.up: room for the second product, or
  // one row of factors for all rows (FeedForwardSpec::divided).
  struct GatedRows {
    FloatRows gate, up;
  };
  void project_activated(const Projection& gate, const Projection& up, const FeedForwardSpec& spec, GatedRows y);

 private:
  void project_clamped(const Projection& projection, FloatRows y);  // by way of work.mixed

  Recorder recorder_;
  const StepContext& context_;
  const vk::Buffer* norm_ = nullptr;  // that the projections apply themselves
  FloatRows x_;
  std::optional<QuantizedRows> quantized_;
};

// The sum of a branch: hidden, or normed where a norm follows, which finish_branch() adds; sum_factor: of hidden then.
FloatRows branch_target(const StepContext& context, const std::string& post_norm);
void finish_branch(Recorder recorder, const StepContext& context, const std::string& post_norm,
                   const NormWeights& post_norm_weights, float sum_factor = 1);

// hidden += scale post_norm(x W^T + bias); the projection's bias has the scale already.
struct BranchOutput {
  const Projection& projection;
  const std::string& post_norm;  // its name; empty: there is none
  const NormWeights& post_norm_weights;
  float scale = 1;
  float sum_factor = 1;  // of hidden in the end, with a norm
};
void add_branch(Recorder recorder, const StepContext& context, FloatRows x, const BranchOutput& output);

}  // namespace pumice
