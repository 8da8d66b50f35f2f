#include "model/blocks/branch.h"

#include "kernels/activation.h"
#include "kernels/matmul.h"
#include "kernels/rms_norm.h"
#include "model/blocks/adapters.h"

namespace pumice {

Result<NormWeights> bind_norm(const ModelSpec& spec, const std::string& block, const std::string& name,
                              WeightReader& reader, float factor) {
  if (name != kBareNorm) return reader.norm(name.empty() ? name : block + name, spec.width, spec.biased_norms, factor);
  NormWeights norm;
  PUMICE_ASSIGN(norm.weight, reader.constant(spec.width, factor));
  return norm;
}

void record_norm(Recorder recorder, const ModelSpec& spec, const NormWeights& norm, FloatRows x, FloatRows y,
                 uint32_t n, const NormSum& sum) {
  rms_norm(recorder, {.x = x,
                      .weight = norm.weight,
                      .by_segment = spec.norm_groups > 1,
                      .bias = norm.biased ? &norm.bias : nullptr,
                      .y = y,
                      .centred = spec.norm_kind == NormKind::kLayer,
                      .accumulate = sum.accumulate,
                      .n = n,
                      .segments = spec.norm_groups,
                      .cols = spec.width / spec.norm_groups,
                      .eps = spec.norm_eps,
                      .factor = sum.factor});
}

bool fuses_norm(const ModelSpec& spec, const NormWeights& norm) {
  return spec.norm_kind == NormKind::kRms && spec.norm_groups == 1 && !norm.biased && !spec.clamped;
}

void clamp_rows(Recorder recorder, const ValueRange& range, FloatRows x, FloatRows y, uint32_t n, uint32_t columns,
                uint32_t first_column) {
  activation(recorder, {.gate = x,
                        .y = y,
                        .n = n,
                        .cols = columns,
                        .activation = Activation::kRange,
                        .limit = range.highest,
                        .lowest = range.lowest,
                        .gate_column = first_column,
                        .y_column = first_column});
}

BranchInput::BranchInput(Recorder recorder, const StepContext& context, Norm norm, const NormWeights& weights)
    : recorder_(recorder), context_(context), x_(context.hidden()) {
  if (norm == Norm::kNone) return;
  const bool fused = norm == Norm::kOwn && fuses_norm(context.spec, weights) &&
                     !takes_matmul(recorder.kernels.caps(), context.step.n, context.step.exact);
  if (fused) {
    norm_ = &weights.weight;
    return;
  }
  x_ = context.normed();
  if (norm != Norm::kShared)
    record_norm(recorder, context.spec, weights, context.hidden(), context.normed(), context.step.n);
}

void BranchInput::project(const Projection& projection, FloatRows y) {
  if (projection.in || projection.out) return project_clamped(projection, y);
  const vk::Buffer* bias = projection.bias ? &*projection.bias : nullptr;
  if (!norm_)
    linear(recorder_, {.w = projection.w,
                       .x = x_,
                       .bias = bias,
                       .y = y,
                       .y_offset = projection.y_offset,
                       .n = context_.step.n,
                       .exact = context_.step.exact,
                       .quantized = &quantized_});
  else
    matvec(recorder_, {.w = projection.w,
                       .x = x_,
                       .norm = norm_,
                       .eps = context_.spec.norm_eps,
                       .bias = bias,
                       .y = y,
                       .y_offset = projection.y_offset,
                       .n = context_.step.n});
  const bool added = add_adapters(recorder_, context_,
                                  {.projection = projection,
                                   .x = x_,
                                   .norm = norm_,
                                   .y = y,
                                   .y_offset = projection.y_offset,
                                   .n = context_.step.n});
  if (added) quantized_.reset();  // their products have taken its memory
}

void BranchInput::project_clamped(const Projection& projection, FloatRows y) {
  FloatRows x = x_;
  if (projection.in) {
    x = rows_of(context_.work.mixed, projection.w.cols);
    clamp_rows(recorder_, *projection.in, x_, x, context_.step.n, projection.w.cols);
  }
  linear(recorder_, {.w = projection.w,
                     .x = x,
                     .bias = projection.bias ? &*projection.bias : nullptr,
                     .y = y,
                     .y_offset = projection.y_offset,
                     .n = context_.step.n,
                     .exact = context_.step.exact});
  if (projection.out)
    clamp_rows(recorder_, *projection.out, y, y, context_.step.n, projection.w.rows, projection.y_offset);
}

void BranchInput::project_activated(const Projection& gate, const Projection& up, const FeedForwardSpec& spec,
                                    GatedRows y) {
  const auto same_layout = [](const WeightMatrix& a, const WeightMatrix& b) {
    return a.type == b.type && a.rows == b.rows && a.cols == b.cols;
  };
  const bool adapted = is_adapted(context_, gate) || is_adapted(context_, up) || context_.step.adaptable;
  if (spec.gated && !adapted && !takes_matmul(recorder_.kernels.caps(), context_.step.n, context_.step.exact) &&
      same_layout(gate.w, up.w) && !gate.bias && !up.bias && !context_.spec.clamped &&
      matvec_activates(spec.activation))
    return matvec(recorder_, {.w = gate.w,
                              .up = &up.w,
                              .activation = spec.activation,
                              .x = x_,
                              .norm = norm_,
                              .eps = context_.spec.norm_eps,
                              .y = y.gate,
                              .n = context_.step.n});
  project(spec.gated ? gate : up, y.gate);
  if (spec.gated) project(up, y.up);
  activation(recorder_, {.gate = y.gate,
                         .up = spec.gated || spec.divided ? &y.up : nullptr,
                         .y = y.gate,
                         .n = context_.step.n,
                         .cols = up.w.rows,
                         .activation = spec.activation,
                         .limit = spec.activation_limit});
}

void BranchInput::project_chosen(const Projection& experts, const WeightMatrix* up, const FeedForwardSpec& spec,
                                 uint32_t tile_size, FloatRows y, const FloatRows* x) {
  matvec(recorder_, {.w = experts.w,
                     .up = up,
                     .activation = up ? spec.activation : Activation::kSilu,
                     .x = x ? *x : x_,
                     .norm = x ? nullptr : norm_,
                     .eps = context_.spec.norm_eps,
                     .bias = experts.bias ? &*experts.bias : nullptr,
                     .y = y,
                     .n = context_.step.n * spec.mixture.used,
                     .choices = &context_.work.choices,
                     .experts = spec.mixture.experts,
                     .share = spec.mixture.used,
                     .tiles = tile_size > 1 ? &context_.work.tiles : nullptr,
                     .tile_size = tile_size});
}

FloatRows branch_target(const StepContext& context, const std::string& post_norm) {
  return post_norm.empty() ? context.hidden() : context.normed();
}

void finish_branch(Recorder recorder, const StepContext& context, const std::string& post_norm,
                   const NormWeights& post_norm_weights, float sum_factor) {
  if (post_norm.empty()) return;
  record_norm(recorder, context.spec, post_norm_weights, context.normed(), context.hidden(), context.step.n,
              {.accumulate = true, .factor = sum_factor});
}

void add_branch(Recorder recorder, const StepContext& context, FloatRows x, const BranchOutput& output) {
  const bool normed = !output.post_norm.empty();
  const Projection& projection = output.projection;
  if (projection.in) clamp_rows(recorder, *projection.in, x, x, context.step.n, projection.w.cols);
  linear(recorder, {.w = output.projection.w,
                    .x = x,
                    .factor = normed ? 1 : output.scale,
                    .bias = output.projection.bias ? &*output.projection.bias : nullptr,
                    .accumulate = !normed,
                    .y = branch_target(context, output.post_norm),
                    .n = context.step.n,
                    .exact = context.step.exact});
  add_adapters(recorder, context,
               {.projection = projection,
                .x = x,
                .factor = normed ? 1 : output.scale,
                .y = branch_target(context, output.post_norm),
                .n = context.step.n});
  if (projection.out)
    clamp_rows(recorder, *projection.out, branch_target(context, output.post_norm),
               branch_target(context, output.post_norm), context.step.n, projection.w.rows);
  finish_branch(recorder, context, output.post_norm, output.post_norm_weights, output.sum_factor);
}

}  // namespace pumice
