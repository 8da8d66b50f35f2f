// Recurrent blocks: hidden += scale W_out r(W_in norm(hidden)), where r goes on from a state of each sequence.
//   short convolution:  r = c * conv(b * x), of rows b, c, x of W_in
//   delta rule:         r = norm(heads(silu(conv(q, k, v)))) * silu(z), a norm of each head
//   Mamba 2:            r = norm(heads(silu(conv(x, B, C))) * silu(z)), a norm of each group of heads
// Kernels: short_conv, recurrence. Sources: Liquid AI 2025 (LFM2); Yang, Kautz and Hatamizadeh 2024 (Gated Delta
// Networks); Dao and Gu 2024 (Mamba 2).
#pragma once

#include <string>
#include <vector>

#include "model/spec.h"
#include "model/weight_reader.h"

namespace pumice {

struct StepContext;

struct RecurrenceWeights {
  NormWeights norm, post_norm;    // (width) or empty
  std::vector<Projection> input;  // together (projected_width, width)
  vk::Buffer conv, conv_bias;     // (conv_width, kConvMostTaps), (conv_width)
  vk::Buffer of_heads;            // (heads, 4) or empty: see kernels/recurrence.h
  std::vector<vk::Buffer> norms;  // of each head alike (value_dim), or one of each group; kShortConv: none
  Projection output;              // (width, inner_width)
};
Result<RecurrenceWeights> bind_recurrence(const ModelSpec& spec, const LayerSpec& layer, const std::string& block,
                                          WeightReader& reader);

// Up to work.mixed, and from there into hidden.
void record_recurrence(Recorder recorder, const StepContext& context, size_t layer);
void add_recurrence(Recorder recorder, const StepContext& context, size_t layer);

}  // namespace pumice
