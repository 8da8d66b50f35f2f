// Attention of a decoder to its encoder's rows: hidden += W_o attention(W_q norm(hidden), K, V), where K and V are
// products of those rows, computed once for each source. Source: Vaswani et al. 2017.
#pragma once

#include <string>
#include <vector>

#include "model/spec.h"
#include "model/weight_reader.h"

namespace pumice {

struct StepContext;

struct CrossWeights {
  NormWeights norm, sum_norm;  // (width) or empty
  Projection q;                // (q_width, width)
  std::vector<Projection> kv;  // together (2 kv_width, width of the encoder)
  Projection output;           // (width, q_width)
};
Result<CrossWeights> bind_cross(const ModelSpec& spec, const LayerSpec& layer, const std::string& block,
                                WeightReader& reader);

// Into hidden.
void record_cross(Recorder recorder, const StepContext& context, size_t layer);
// K and V of the encoder's rows x (step.n) into the layer's pages at the places of step.step_rows.
void record_cross_source(Recorder recorder, const StepContext& context, size_t layer, FloatRows x);

}  // namespace pumice
