// Gemma 4, its text: Gemma 3 whose layers with a window have heads of a size of their own; the last layers read the
// cache of earlier ones, values have a norm, and small models have embeddings for each layer. Source: Gemma team 2026.
#include <cmath>

#include "model/families/families.h"

namespace pumice {
namespace {

// The last layer of the same kind that has keys and values.
uint32_t cache_of(const ModelSpec& spec, size_t layer, uint32_t own) {
  uint32_t from = own - 1;
  while (from > 0 && (spec.layers[from].attention.window != 0) != (spec.layers[layer].attention.window != 0)) --from;
  return from;
}

}  // namespace

Result<ModelSpec> describe_gemma4(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, describe_gemma(reader));
  PUMICE_TRY(read_windows(reader, 6, spec));
  PUMICE_ASSIGN(spec.logit_softcap, reader.number("final_logit_softcapping", 30));
  PUMICE_ASSIGN(spec.per_layer_width, reader.count("embedding_length_per_layer_input", 0));
  PUMICE_ASSIGN(const uint32_t shared, reader.count("attention.shared_kv_layers", 0));
  PUMICE_ASSIGN(const uint32_t sliding_dim,
                reader.count("attention.key_length_swa", spec.layers[0].attention.head_dim));
  reader.accept("attention.value_length_swa");
  PUMICE_TRY(read_sliding_rope(reader, 10000, spec));
  const auto layers = static_cast<uint32_t>(spec.layers.size());
  PUMICE_ASSIGN(const std::vector<uint32_t> dense, reader.each_layer("feed_forward_length", layers, 1u << 20));
  PUMICE_TRY(read_mixture(reader, {.shared_end = "", .own_norms = true, .scales = true}, spec));
  const bool small = spec.width == 1536 || spec.width == 2560;  // E2B and E4B see pictures as they see text
  if (shared >= layers)
    return error(Status::kMalformed, "%s is %u", reader.key("attention.shared_kv_layers").c_str(), shared);
  for (uint32_t i = 0; i < layers; ++i) {
    LayerSpec& layer = spec.layers[i];
    AttentionSpec& attention = layer.attention;
    layer.attention_post_norm = "post_attention_norm";
    layer.ffn_post_norm = "post_ffw_norm";
    layer.output_scale = true;
    if (layer.feed_forward.mixture.experts != 0) layer.feed_forward.mixture.shared_width = dense[i];
    attention.qk_norm = QkNorm::kHead;
    attention.v_norm = true;
    attention.whole_pictures = attention.window != 0 && !small;
    attention.scale = 1;
    if (attention.window != 0) attention.head_dim = sliding_dim;
    if (i >= layers - shared) attention.cache_layer = cache_of(spec, i, layers - shared);
  }
  return spec;
}

}  // namespace pumice
