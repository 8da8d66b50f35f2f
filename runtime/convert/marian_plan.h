// What all sources of translation models share: the layout of `marian` GGUF files (runtime/model/families/marian.cpp).
#pragma once

#include <string>
#include <vector>

#include "convert/plan.h"

namespace pumice {

inline constexpr float kSuppressed = -10000;  // an output bias that no logit outweighs

struct MarianSettings {
  std::string name;
  uint64_t positions = 0, width = 0, layers = 0, decoder_layers = 0, inner = 0, heads = 0;
  uint64_t decoder_inner = 0, decoder_heads = 0;
  double epsilon = 1e-5, embedding_scale = 1, length_penalty = 1;
  bool norm_first = false;
  std::string activation;
  uint64_t start_token = 0, beam = 4;
};

void write_marian_settings(const MarianSettings& settings, GgufMetadata& to);

// (rows, width): sines in the first half of a row and cosines in the second, of frequencies 10000^(-i / divisor); row
// 0 is position `first`.
std::vector<float> sine_positions(uint64_t rows, uint64_t width, uint64_t first, double divisor);

PlannedTensor float_tensor(std::string name, std::vector<uint64_t> sizes, std::vector<float> values);

}  // namespace pumice
