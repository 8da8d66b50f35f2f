#include "model/blocks/per_layer.h"

#include <cmath>
#include <numbers>

#include "kernels/activation.h"
#include "kernels/embedding.h"
#include "kernels/matmul.h"
#include "kernels/rms_norm.h"
#include "model/blocks/branch.h"

namespace pumice {
namespace {

uint32_t inputs_width(const ModelSpec& spec) {
  return spec.per_layer_width * static_cast<uint32_t>(spec.layers.size());
}

constexpr float kHalfRoot = std::numbers::sqrt2_v<float> / 2;

}  // namespace

Result<PerLayerInputs> bind_per_layer_inputs(const ModelSpec& spec, WeightReader& reader) {
  PerLayerInputs inputs;
  const uint32_t width = inputs_width(spec);
  // The largest matrix of such a model, of which a step reads a row for each of its tokens.
  reader.keep_on_host(true);
  PUMICE_ASSIGN(inputs.table, reader.matrix("per_layer_token_embd", spec.vocabulary, width));
  reader.keep_on_host(false);
  PUMICE_ASSIGN(inputs.projection, reader.projection("per_layer_model_proj", width, spec.width));
  PUMICE_ASSIGN(inputs.norm, reader.vector("per_layer_proj_norm", spec.per_layer_width, kHalfRoot));
  return inputs;
}

Result<PerLayerWeights> bind_per_layer(const ModelSpec& spec, const std::string& block, WeightReader& reader) {
  PerLayerWeights weights;
  PUMICE_ASSIGN(weights.gate, reader.projection(block + "inp_gate", spec.per_layer_width, spec.width));
  PUMICE_ASSIGN(weights.projection, reader.projection(block + "proj", spec.width, spec.per_layer_width));
  PUMICE_ASSIGN(weights.post_norm, bind_norm(spec, block, "post_norm", reader));
  return weights;
}

void record_per_layer_inputs(Recorder recorder, const StepContext& context) {
  const ModelSpec& spec = context.spec;
  const PerLayerInputs& weights = context.weights.per_layer;
  const FloatRows inputs = rows_of(context.work.per_layer, inputs_width(spec));
  linear(recorder, {.w = weights.projection.w,
                    .x = context.hidden(),
                    .factor = 1 / std::sqrt(static_cast<float>(spec.width)),
                    .y = inputs,
                    .n = context.step.n,
                    .exact = context.step.exact});
  rms_norm(recorder, {.x = inputs,
                      .weight = weights.norm,
                      .y = inputs,
                      .n = context.step.n,
                      .segments = static_cast<uint32_t>(spec.layers.size()),
                      .cols = spec.per_layer_width,
                      .eps = spec.norm_eps});
  embedding(recorder, {.table = weights.table,
                       .step_rows = context.step.pictures ? context.step.pictures->text_rows : context.step.step_rows,
                       .y = inputs,
                       .n = context.step.n,
                       .scale = kHalfRoot * std::sqrt(static_cast<float>(spec.per_layer_width)),
                       .accumulate = true});
}

void add_per_layer(Recorder recorder, const StepContext& context, size_t index) {
  const ModelSpec& spec = context.spec;
  const PerLayerWeights& weights = context.weights.layers[index].per_layer;
  const FloatRows gate = rows_of(context.work.gate, spec.per_layer_width);
  const FloatRows inputs = rows_of(context.work.per_layer, inputs_width(spec));
  const auto project = [&](const Projection& projection, FloatRows x, FloatRows y) {
    linear(recorder, {.w = projection.w, .x = x, .y = y, .n = context.step.n, .exact = context.step.exact});
  };
  project(weights.gate, context.hidden(), gate);
  activation(recorder, {.gate = gate,
                        .up = &inputs,
                        .y = gate,
                        .n = context.step.n,
                        .cols = spec.per_layer_width,
                        .activation = Activation::kGelu,
                        .up_column = static_cast<uint32_t>(index) * spec.per_layer_width});
  project(weights.projection, gate, context.normed());
  record_norm(recorder, spec, weights.post_norm, context.normed(), context.hidden(), context.step.n,
              {.accumulate = true, .factor = context.weights.layers[index].output_scale});
}

}  // namespace pumice
