// The simpler simple recurrent unit in the place of a decoder's self-attention: hidden += max(c, 0), where c is a
// forgetting sum of W_x hidden (shaders/shared/ssru.h). Source: Kim et al. 2019.
#pragma once

#include <string>
#include <vector>

#include "model/spec.h"
#include "model/weight_reader.h"

namespace pumice {

struct StepContext;

struct SsruWeights {
  NormWeights norm;               // (width) or empty
  std::vector<Projection> input;  // together (2 width, width): the input, then what is kept
};
Result<SsruWeights> bind_ssru(const ModelSpec& spec, const LayerSpec& layer, const std::string& block,
                              WeightReader& reader);

// Into hidden.
void record_ssru(Recorder recorder, const StepContext& context, size_t layer);

}  // namespace pumice
