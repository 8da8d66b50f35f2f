// Marian, as of OPUS-MT and Bergamot: an encoder and a decoder with sinusoidal positions, whose tables are in the file;
// the decoder attends to itself or, in small students, has a recurrent unit instead. Source: Junczys-Dowmunt et al.
// 2018 (Marian: Fast Neural Machine Translation in C++).
#include <cmath>

#include "model/families/families.h"

namespace pumice {
namespace {

Result<Activation> read_activation(KeyReader& reader) {
  PUMICE_ASSIGN(const std::string_view name, reader.text("hidden_activation", "relu"));
  if (name == "relu") return Activation::kRelu;
  if (name == "silu") return Activation::kSilu;
  if (name == "gelu") return Activation::kGeluErf;
  if (name == "gelu_tanh") return Activation::kGelu;
  if (name == "gelu_quick") return Activation::kGeluQuick;
  return error(Status::kUnsupported, "%s is not supported: relu, silu, gelu, gelu_tanh and gelu_quick are",
               reader.key("hidden_activation").c_str());
}

Result<AttentionSpec> read_heads(KeyReader& reader, const char* key, uint32_t fallback, uint32_t width) {
  PUMICE_ASSIGN(const uint32_t heads, reader.count(key, fallback));
  if (heads == 0 || width % heads != 0 || width / heads % 4 != 0)
    return error(Status::kMalformed, "%s: %u heads do not fit a width of %u", reader.key(key).c_str(), heads, width);
  AttentionSpec attention{.heads = heads, .kv_heads = heads, .head_dim = width / heads};
  attention.scale = 1 / std::sqrt(static_cast<float>(attention.head_dim));
  attention.names = {.prefix = "attn_", .output = "attn_o"};
  return attention;
}

Result<uint32_t> vocabulary_of(const KeyReader& reader, const std::string& prefix) {
  const GgufTensor* table = reader.file().find_tensor(prefix + "token_embd.weight");
  if (!table) table = reader.file().find_tensor("token_embd.weight");
  if (!table || table->rows() > (1u << 24)) return error(Status::kMalformed, "the file has no token_embd.weight");
  return static_cast<uint32_t>(table->rows());
}

// Norms before the branches and in the end, or behind the sums.
void place_norms(bool first, ModelSpec& spec) {
  if (first) spec.output_norm = spec.prefix + "output_norm";
  for (LayerSpec& layer : spec.layers) {
    (first ? layer.attention_norm : layer.attention_sum_norm) = "attn_norm";
    (first ? layer.ffn_norm : layer.ffn_sum_norm) = "ffn_norm";
    if (layer.crosses()) (first ? layer.cross_norm : layer.cross_sum_norm) = "cross_attn_norm";
  }
}

// `spec` with what both stacks share; the layers are one and the same.
Result<ModelSpec> read_stack(KeyReader& reader, const ModelSpec& shared, const char* prefix, const LayerSpec& layer,
                             uint32_t layers) {
  ModelSpec spec = shared;
  spec.prefix = prefix;
  spec.causal = spec.prefix != kEncoderPrefix;
  PUMICE_ASSIGN(spec.vocabulary, vocabulary_of(reader, spec.prefix));
  PUMICE_ASSIGN(const bool first, reader.flag("norm_first", false));
  spec.layers.assign(layers, layer);
  place_norms(first, spec);
  return spec;
}

Result<ModelSpec> read_shared(KeyReader& reader) {
  ModelSpec spec;
  spec.architecture = reader.architecture();
  spec.norm_kind = NormKind::kLayer;
  spec.biased_norms = true;
  spec.learned_positions = true;
  spec.output_norm.clear();
  spec.ropes.emplace_back();
  PUMICE_ASSIGN(spec.width, reader.required("embedding_length", 1u << 16));
  PUMICE_ASSIGN(spec.context_length, reader.required("context_length", 1u << 20));
  PUMICE_ASSIGN(spec.norm_eps, reader.number("attention.layer_norm_epsilon", spec.norm_eps));
  PUMICE_ASSIGN(spec.embedding_scale, reader.factor("embedding_scale"));
  if (!(spec.norm_eps >= 0 && spec.norm_eps < 1))
    return error(Status::kMalformed, "%s is out of range", reader.key("attention.layer_norm_epsilon").c_str());
  return spec;
}

LayerSpec layer_of(const AttentionSpec& attention, uint32_t ffn, Activation activation) {
  LayerSpec layer{.attention = attention};
  layer.feed_forward.width = ffn;
  layer.feed_forward.gated = false;
  layer.feed_forward.activation = activation;
  layer.attention_norm = layer.ffn_norm = "";
  return layer;
}

Result<void> read_mixer(KeyReader& reader, uint32_t width, LayerSpec& layer) {
  PUMICE_ASSIGN(const std::string_view mixer, reader.text("decoder_mixer", "attention"));
  if (mixer == "attention") return {};
  if (mixer != "ssru")
    return error(Status::kUnsupported, "%s is not supported: attention and ssru are",
                 reader.key("decoder_mixer").c_str());
  layer.attention = {};
  layer.recurrence = {.kind = RecurrenceKind::kSsru, .heads = 1, .value_dim = width};
  return {};
}

}  // namespace

Result<ModelSpec> describe_marian(KeyReader& reader) {
  constexpr uint32_t kMostLayers = 1024, kMostFfn = 1u << 18;
  PUMICE_ASSIGN(const ModelSpec shared, read_shared(reader));
  PUMICE_ASSIGN(const Activation activation, read_activation(reader));
  PUMICE_ASSIGN(const uint32_t layers, reader.required("block_count", kMostLayers));
  PUMICE_ASSIGN(const uint32_t ffn, reader.required("feed_forward_length", kMostFfn));
  PUMICE_ASSIGN(const AttentionSpec attention, read_heads(reader, "attention.head_count", 0, shared.width));
  PUMICE_ASSIGN(ModelSpec encoder,
                read_stack(reader, shared, kEncoderPrefix, layer_of(attention, ffn, activation), layers));
  PUMICE_ASSIGN(const uint32_t decoder_layers, reader.count("decoder_block_count", layers));
  PUMICE_ASSIGN(const uint32_t decoder_ffn, reader.count("decoder.feed_forward_length", ffn));
  if (decoder_layers == 0 || decoder_layers > kMostLayers || decoder_ffn == 0 || decoder_ffn > kMostFfn)
    return error(Status::kMalformed, "%s or %s is out of range", reader.key("decoder_block_count").c_str(),
                 reader.key("decoder.feed_forward_length").c_str());
  PUMICE_ASSIGN(const AttentionSpec decoder_attention,
                read_heads(reader, "decoder.attention.head_count", attention.heads, shared.width));
  LayerSpec layer = layer_of(decoder_attention, decoder_ffn, activation);
  layer.cross = decoder_attention;
  layer.cross.names = {.prefix = "cross_attn_", .output = "cross_attn_o"};
  PUMICE_TRY(read_mixer(reader, shared.width, layer));
  PUMICE_ASSIGN(ModelSpec spec, read_stack(reader, shared, "dec.", layer, decoder_layers));
  PUMICE_TRY(read_start_token(reader, spec));
  for (const char* key : {"generation.beam_size", "generation.length_penalty", "generation.max_length_factor"})
    reader.accept(key);
  spec.encoder.push_back(std::move(encoder));
  return spec;
}

}  // namespace pumice
