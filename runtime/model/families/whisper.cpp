// Whisper: an encoder of sounds, whose rows come from two convolutions of mel frames, and a decoder of text. Source:
// Radford et al. 2022 (arXiv 2212.04356).
#include <cmath>

#include "format/whisper_vocabulary.h"
#include "model/families/families.h"

namespace pumice {
namespace {

constexpr uint32_t kMostWhisperLayers = 1024;

Result<AttentionSpec> read_whisper_heads(KeyReader& reader, const char* key, uint32_t width) {
  PUMICE_ASSIGN(const uint32_t heads, reader.required(key, 1u << 10));
  if (width % heads != 0 || width / heads % 4 != 0)
    return error(Status::kMalformed, "%s: %u heads do not fit a width of %u", reader.key(key).c_str(), heads, width);
  AttentionSpec attention{.heads = heads, .kv_heads = heads, .head_dim = width / heads};
  attention.scale = 1 / std::sqrt(static_cast<float>(attention.head_dim));
  attention.names = {.prefix = "attn_", .output = "attn_o"};
  return attention;
}

// What both stacks share.
Result<ModelSpec> read_whisper_stacks(KeyReader& reader, LayerSpec& layer) {
  ModelSpec spec;
  spec.architecture = reader.architecture();
  spec.norm_kind = NormKind::kLayer;
  spec.biased_norms = true;
  spec.learned_positions = true;
  spec.ropes.emplace_back();
  PUMICE_ASSIGN(spec.width, reader.required("embedding_length", 1u << 14));
  PUMICE_ASSIGN(layer.feed_forward.width, reader.required("feed_forward_length", 1u << 16));
  // Frames lie one behind the other without padding, and a convolution's middle takes the feed-forward block's place.
  if (spec.width % 64 != 0 || layer.feed_forward.width < 4 * spec.width)
    return error(Status::kUnsupported, "%s %u with %s %u is not supported", reader.key("embedding_length").c_str(),
                 spec.width, reader.key("feed_forward_length").c_str(), layer.feed_forward.width);
  layer.feed_forward.gated = false;
  layer.feed_forward.activation = Activation::kGeluErf;
  return spec;
}

}  // namespace

Result<ModelSpec> describe_whisper(KeyReader& reader) {
  LayerSpec layer;
  PUMICE_ASSIGN(ModelSpec spec, read_whisper_stacks(reader, layer));
  ModelSpec encoder = spec;
  PUMICE_ASSIGN(layer.attention, read_whisper_heads(reader, "attention.head_count", spec.width));
  PUMICE_ASSIGN(const uint32_t layers, reader.required("block_count", kMostWhisperLayers));
  PUMICE_ASSIGN(encoder.context_length, reader.required("encoder.context_length", 1u << 16));
  PUMICE_ASSIGN(encoder.sound_bands, reader.required("mel_bands", 1024));
  if (encoder.sound_bands % 4 != 0)
    return error(Status::kUnsupported, "%s is %u: multiples of 4 are supported", reader.key("mel_bands").c_str(),
                 encoder.sound_bands);
  reader.accept("mel_filters");
  encoder.causal = false;
  encoder.prefix = kEncoderPrefix;
  encoder.output_norm = "enc.output_norm";
  encoder.layers.assign(layers, layer);
  PUMICE_ASSIGN(const uint32_t decoder_layers, reader.required("decoder_block_count", kMostWhisperLayers));
  PUMICE_ASSIGN(layer.attention, read_whisper_heads(reader, "decoder.attention.head_count", spec.width));
  layer.cross = layer.attention;
  layer.cross.names = {.prefix = "cross_attn_", .output = "cross_attn_o"};
  layer.cross_norm = "cross_attn_norm";
  PUMICE_ASSIGN(spec.context_length, reader.required("context_length", 1u << 16));
  PUMICE_ASSIGN(spec.vocabulary, reader.required("vocab_size", 1u << 20));
  const std::optional<WhisperTokens> tokens = whisper_tokens(spec.vocabulary);
  if (!tokens)
    return error(Status::kUnsupported, "%s is %u, which no vocabulary of Whisper's has",
                 reader.key("vocab_size").c_str(), spec.vocabulary);
  spec.start_token = tokens->start;
  spec.prefix = "dec.";
  spec.output_norm = "dec.output_norm";
  spec.layers.assign(decoder_layers, layer);
  spec.encoder.push_back(std::move(encoder));
  return spec;
}

}  // namespace pumice
