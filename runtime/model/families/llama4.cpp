// Llama 4: three of four layers rotate, normalise queries and keys and see their own chunk of the text; the others see
// all of it and are scaled by position. Every so many layers have a mixture, whose experts read x times their weight.
// Source: Meta 2025.
#include "model/families/families.h"

namespace pumice {

// Files do not say more than that there are chunks.
constexpr uint32_t kChunk = 8192, kPeriod = 4;

static void describe_layers(bool chunks, bool norms, uint32_t none, ModelSpec& spec) {
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    AttentionSpec& attention = spec.layers[i].attention;
    attention.chunks = attention.window != 0;
    if (chunks && (i + 1) % kPeriod == 0) {
      attention.rope = none;
      attention.temperature = 0.1f;
      attention.temperature_length = kChunk;
    } else if (norms) {
      attention.qk_norm = QkNorm::kBare;
      attention.norm_after_rope = true;
    }
  }
}

Result<ModelSpec> describe_llama4(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_decoder(reader, RopePairs::kAdjacent));
  PUMICE_ASSIGN(const uint32_t width, reader.required("expert_feed_forward_length", 1u << 20));
  PUMICE_ASSIGN(const uint32_t interval, reader.required("interleave_moe_layer_step", 1024));
  PUMICE_ASSIGN(const uint32_t window, reader.count("attention.sliding_window", kChunk));
  for (const char* key : {"attention.temperature_scale", "attention.temperature_length"}) reader.accept(key);
  const ModelSpec dense = spec;
  PUMICE_TRY(read_mixture(reader, {.gating = Gating::kSigmoid, .normalised = false, .weighted_input = true}, spec));
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    MixtureSpec& mixture = spec.layers[i].feed_forward.mixture;
    mixture.shared_width = width;
    if ((i + 1) % interval != 0) spec.layers[i].feed_forward = dense.layers[i].feed_forward;
  }
  if (window != 0) PUMICE_TRY(read_windows(reader, kPeriod, spec));
  for (LayerSpec& layer : spec.layers)
    if (layer.attention.window != 0) layer.attention.window = kChunk;
  PUMICE_ASSIGN(const uint32_t experts, reader.count("expert_count", 0));
  describe_layers(window != 0, experts != 128, add_no_rope(spec), spec);
  return spec;
}

}  // namespace pumice
