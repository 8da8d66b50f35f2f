// The llama architecture: Llama 1 to 3 and all that share its tensors (Mistral, TinyLlama, SmolLM, …).
// Source: Touvron et al. 2023; tensor names and keys of the GGUF specification.
#include "model/architecture.h"

namespace pumice {
namespace {

Result<ModelConfig> read_config(const Gguf& file) {
  PUMICE_ASSIGN(ModelConfig config, read_common_config(file, "llama"));
  if (file.find("llama.expert_count") && file.get_u64("llama.expert_count").value_or(1) != 0)
    return error(Status::kUnsupported, "mixture-of-experts models are not supported yet");
  config.rope_pairs = RopePairs::kAdjacent;
  return config;
}

Result<DecoderWeights> bind_weights(const ModelConfig& config, WeightReader& reader) {
  DecoderWeights weights;
  PUMICE_ASSIGN(Projection table, reader.projection("token_embd", config.vocabulary, config.width));
  weights.embedding = std::move(table.w);
  for (uint32_t i = 0; i < config.layers; ++i) {
    const std::string block = "blk." + std::to_string(i) + ".";
    const std::string names[] = {block + "attn_q", block + "attn_k", block + "attn_v"};
    const uint64_t rows[] = {config.q_width(), config.kv_width(), config.kv_width()};
    LayerWeights layer;
    PUMICE_ASSIGN(layer.attention_norm, reader.vector(block + "attn_norm.weight", config.width));
    PUMICE_ASSIGN(layer.qkv, reader.stacked(names, rows, config.width));
    PUMICE_ASSIGN(layer.output, reader.projection(block + "attn_output", config.width, config.q_width()));
    PUMICE_ASSIGN(layer.ffn_norm, reader.vector(block + "ffn_norm.weight", config.width));
    PUMICE_ASSIGN(layer.gate, reader.projection(block + "ffn_gate", config.ffn_width, config.width));
    PUMICE_ASSIGN(layer.up, reader.projection(block + "ffn_up", config.ffn_width, config.width));
    PUMICE_ASSIGN(layer.down, reader.projection(block + "ffn_down", config.width, config.ffn_width));
    weights.layers.push_back(std::move(layer));
  }
  PUMICE_ASSIGN(weights.output_norm, reader.vector("output_norm.weight", config.width));
  if (reader.has("output.weight")) {
    PUMICE_ASSIGN(weights.head, reader.projection("output", config.vocabulary, config.width));
  }
  return weights;
}

void record_step(Recorder recorder, const StepContext& context) {
  record_embedding(recorder, context);
  for (uint32_t layer = 0; layer < context.config.layers; ++layer) {
    record_attention_block(recorder, context, layer);
    record_gated_ffn_block(recorder, context, layer, Activation::kSilu);
  }
  record_head(recorder, context);
}

}  // namespace

const Architecture kLlamaArchitecture{"llama", read_config, bind_weights, record_step};

const Architecture* find_architecture(std::string_view name) {
  static constexpr const Architecture* kKnown[] = {&kLlamaArchitecture};
  for (const Architecture* known : kKnown)
    if (name == known->name) return known;
  return nullptr;
}

}  // namespace pumice
