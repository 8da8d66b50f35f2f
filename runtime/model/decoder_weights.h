// DecoderWeights: the tensors of a model on the device, as its layers use them.
#pragma once

#include <vector>

#include "model/blocks/attention.h"
#include "model/blocks/cross.h"
#include "model/blocks/feed_forward.h"
#include "model/blocks/per_layer.h"
#include "model/blocks/recurrence.h"
#include "model/blocks/sound.h"
#include "model/blocks/ssru.h"

namespace pumice {

struct LayerWeights {
  AttentionWeights attention;
  RecurrenceWeights recurrence;
  SsruWeights ssru;
  FeedForwardWeights feed_forward;
  PerLayerWeights per_layer;
  NormWeights attention_sum_norm, ffn_sum_norm;  // (width) or empty
  CrossWeights cross;
  float output_scale = 1;
  NormWeights skip;  // (width) times the same number, or empty: ModelSpec::embedding_skip
};

struct DecoderWeights {
  WeightMatrix embedding;  // (vocabulary, width), of an encoder empty where it is the decoder's
  std::vector<LayerWeights> layers;
  WeightMatrix positions;  // (context_length, width) or empty
  SoundWeights sound;
  WeightMatrix token_types;        // (token_types, width) or empty
  NormWeights embedding_norm;      // (width) or empty
  std::vector<Projection> pooled;  // as ModelSpec::pooled
  std::vector<NormWeights> pooled_norms;  // likewise; (width) or empty
  NormWeights output_norm;         // (width), times the scale of logits
  Projection head;                 // (vocabulary, width); empty: the embedding is used
  std::vector<RopeWeights> ropes;  // as ModelSpec::ropes
  PerLayerInputs per_layer;
  vk::Buffer biases;                    // of scores by distance, see AttentionArgs; or empty
  std::vector<DecoderWeights> encoder;  // as ModelSpec::encoder; its tables are empty where it shares these
};

// Plans the uploads of all that `spec` computes with; the matrices of the last `host_layers` layers stay on the host.
Result<DecoderWeights> bind_weights(const ModelSpec& spec, WeightReader& reader, uint32_t host_layers = 0);

}  // namespace pumice
