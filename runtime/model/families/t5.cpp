// T5, Flan-T5, mT5, MADLAD: an encoder and a decoder whose scores have biases by distance instead of positions; or the
// encoder alone. Source: Raffel et al. 2020.
#include <cmath>

#include "model/families/families.h"

namespace pumice {
namespace {

constexpr uint32_t kMostT5Layers = 1024, kMostT5Ffn = 1u << 18;
constexpr uint32_t kNoEnd = 1u << 15;  // of a text: no table ends

// Of both stacks.
Result<ModelSpec> read_stacks(KeyReader& reader) {
  ModelSpec spec;
  spec.architecture = reader.architecture();
  spec.ropes.emplace_back();
  spec.context_length = kNoEnd;
  reader.accept("context_length");
  PUMICE_ASSIGN(spec.width, reader.required("embedding_length", 1u << 16));
  PUMICE_ASSIGN(spec.norm_eps, reader.number("attention.layer_norm_rms_epsilon", 1e-6f));
  reader.accept("attention.layer_norm_epsilon");
  PUMICE_ASSIGN(spec.bias_buckets, reader.count("attention.relative_buckets_count", 32));
  const GgufTensor* table = reader.file().find_tensor("token_embd.weight");
  if (!table || table->rows() > (1u << 24)) return error(Status::kMalformed, "the file has no token_embd.weight");
  spec.vocabulary = static_cast<uint32_t>(table->rows());
  if (!(spec.norm_eps >= 0 && spec.norm_eps < 1) || spec.bias_buckets < 4 || spec.bias_buckets > 1024)
    return error(Status::kMalformed, "%s or %s is out of range", reader.key("attention.layer_norm_rms_epsilon").c_str(),
                 reader.key("attention.relative_buckets_count").c_str());
  return spec;
}

Result<LayerSpec> read_layer(KeyReader& reader, uint32_t width) {
  LayerSpec layer;
  AttentionSpec& attention = layer.attention;
  PUMICE_ASSIGN(attention.heads, reader.required("attention.head_count", 1u << 16));
  attention.kv_heads = attention.heads;
  PUMICE_ASSIGN(attention.head_dim, reader.count("attention.key_length", width / attention.heads));
  PUMICE_ASSIGN(const uint32_t value_length, reader.count("attention.value_length", attention.head_dim));
  if (attention.head_dim == 0 || attention.head_dim > 4096 || value_length != attention.head_dim)
    return error(Status::kMalformed, "%s: heads of %u with values of %u", reader.key("attention.key_length").c_str(),
                 attention.head_dim, value_length);
  attention.scale = 1;
  attention.names = {.prefix = "attn_", .output = "attn_o"};
  PUMICE_ASSIGN(layer.feed_forward.width, reader.required("feed_forward_length", kMostT5Ffn));
  layer.feed_forward.gated = reader.file().find_tensor("enc.blk.0.ffn_gate.weight") != nullptr;
  layer.feed_forward.activation = layer.feed_forward.gated ? Activation::kGelu : Activation::kRelu;
  return layer;
}

Result<ModelSpec> encoder_of(KeyReader& reader, ModelSpec spec, const LayerSpec& layer) {
  PUMICE_ASSIGN(const uint32_t layers, reader.required("block_count", kMostT5Layers));
  spec.prefix = kEncoderPrefix;
  spec.causal = false;
  spec.output_norm = "enc.output_norm";
  spec.layers.assign(layers, layer);
  return spec;
}

}  // namespace

Result<ModelSpec> describe_t5encoder(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_stacks(reader));
  PUMICE_ASSIGN(const LayerSpec layer, read_layer(reader, spec.width));
  reader.accept("attention.causal");  // some files say so, and mean a decoder that they do not have
  PUMICE_TRY(read_pooling(reader, spec));
  return encoder_of(reader, std::move(spec), layer);
}

Result<ModelSpec> describe_t5(KeyReader& reader) {
  PUMICE_ASSIGN(ModelSpec spec, read_stacks(reader));
  PUMICE_ASSIGN(LayerSpec layer, read_layer(reader, spec.width));
  PUMICE_ASSIGN(ModelSpec encoder, encoder_of(reader, spec, layer));
  const auto layers = static_cast<uint32_t>(encoder.layers.size());
  PUMICE_ASSIGN(const uint32_t decoder_layers, reader.count("decoder_block_count", layers));
  if (decoder_layers == 0 || decoder_layers > kMostT5Layers)
    return error(Status::kMalformed, "%s is out of range", reader.key("decoder_block_count").c_str());
  layer.cross = layer.attention;
  layer.cross.names = {.prefix = "cross_attn_", .output = "cross_attn_o"};
  layer.cross_norm = "cross_attn_norm";
  spec.prefix = "dec.";
  spec.output_norm = "dec.output_norm";
  spec.layers.assign(decoder_layers, layer);
  // Where the head is the embedding, the last rows are scaled.
  if (!reader.file().find_tensor("output.weight")) spec.logit_scale = 1 / std::sqrt(static_cast<float>(spec.width));
  PUMICE_TRY(read_start_token(reader, spec));
  spec.unused_tensors = {"cross_attn_rel_b.weight"};  // of old files, for what has no biases
  spec.encoder.push_back(std::move(encoder));
  return spec;
}

}  // namespace pumice
