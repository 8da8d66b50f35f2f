// When tokens of a transcript are said, by the rows of the encoder that some heads of the decoder attend to.
//
// Weights are normalised over the tokens, smoothed over time, and averaged; the cheapest path through them that goes
// neither back in time nor in the text says when each token begins (dynamic time warping). Source: OpenAI's timing.py.
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/spec.h"

namespace pumice {

struct HeadPlace {
  uint32_t layer = 0, head = 0;
};
// Those that follow the sound: of models whose are known, else all of the upper half of the layers.
std::vector<HeadPlace> alignment_heads(const ModelSpec& spec);

struct TokenAttention {
  std::span<const float> values;  // (heads, tokens, rows), each row's sum 1
  uint32_t heads = 0, tokens = 0, rows = 0;
};
// For each token from `first` on but the last, the row that the path comes to it at; only the first `heard` rows count.
std::vector<uint32_t> token_rows(const TokenAttention& weights, uint32_t first, uint32_t heard);

}  // namespace pumice
