// Which type each tensor of a GGUF file takes: the rules of llama.cpp's llama-quantize, so that a file is as good as
// one of its own. Norms, biases, positions, routers and other small tensors stay as they are; the matrix of the output
// has more bits, and so have some of the values and of the second feed-forward matrices of Q4_K ("Q4_K_M").
#pragma once

#include <string_view>

#include "convert/plan.h"

namespace pumice {

constexpr std::string_view kTowerArchitecture = "clip";  // of projectors (mmproj), whose matrices all take one type

struct ModelFacts {
  std::string_view architecture;
  uint64_t layers = 0, experts = 0;
};

// What matrices usually become.
TensorType matrix_type(ConvertType type);

// Sets the type of all tensors, and the keys that say it. What cannot be decoded stays as it is.
void finish_gguf(ConvertPlan& plan, const ModelFacts& facts, ConvertType wanted);

}  // namespace pumice
