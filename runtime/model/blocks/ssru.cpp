#include "model/blocks/ssru.h"

#include "kernels/ssru.h"
#include "model/blocks/branch.h"

namespace pumice {

Result<SsruWeights> bind_ssru(const ModelSpec& spec, const LayerSpec& layer, const std::string& block,
                              WeightReader& reader) {
  SsruWeights weights;
  PUMICE_ASSIGN(weights.norm, bind_norm(spec, block, layer.attention_norm, reader));
  const std::string names[] = {block + "ssru_x", block + "ssru_f"};
  for (const std::string& name : names) {
    PUMICE_ASSIGN(Projection projection, reader.projection(name, spec.width, spec.width));
    projection.y_offset = static_cast<uint32_t>(weights.input.size()) * spec.width;
    weights.input.push_back(std::move(projection));
  }
  return weights;
}

void record_ssru(Recorder recorder, const StepContext& context, size_t index) {
  const uint32_t width = context.spec.width;
  const LayerSpec& layer = context.spec.layers[index];
  const SsruWeights& weights = context.weights.layers[index].ssru;
  const FloatRows projected = rows_of(context.work.projected, layer.recurrence.projected_width());
  const BranchingStates& branching = context.step.branching;
  BranchInput input(recorder, context,
                    layer.attention_norm.empty() ? BranchInput::Norm::kNone : BranchInput::Norm::kOwn, weights.norm);
  for (const Projection& projection : weights.input) input.project(projection, projected);
  ssru(recorder, {.x = projected,
                  .step_rows = context.step.step_rows,
                  .parents = branching.parents,
                  .states = context.states[index].view,
                  .state_stride = context.states[index].stride,
                  .from = branching.from,
                  .to = branching.to,
                  .y = context.hidden(),
                  .n = context.step.n,
                  .cols = width});
}

}  // namespace pumice
