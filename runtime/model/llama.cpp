// The llama architecture: Llama 1 to 3 and all that share its tensors (Mistral, TinyLlama, SmolLM, …).
// Source: Touvron et al. 2023; tensor names and keys of the GGUF specification.
#include "model/architecture.h"
#include "model/config_reader.h"

namespace pumice {
namespace {

Result<ModelConfig> read_config(const Gguf& file) {
  ConfigReader reader(file, "llama");
  PUMICE_ASSIGN(ModelConfig config, read_common_config(reader));
  PUMICE_ASSIGN(const uint32_t experts, reader.count("expert_count", 0));
  if (experts != 0)
    return error(Status::kUnsupported, "%s is %u: mixtures of experts are not supported",
                 reader.key("expert_count").c_str(), experts);
  config.rope_pairs = RopePairs::kAdjacent;
  PUMICE_TRY(reader.check_rest());
  return config;
}

// Three matrices, or one with the rows of q, k and v in that order.
Result<std::vector<Projection>> bind_qkv(const ModelConfig& config, WeightReader& reader, const std::string& block) {
  if (!reader.has(block + "attn_qkv.weight")) {
    const std::string names[] = {block + "attn_q", block + "attn_k", block + "attn_v"};
    const uint64_t rows[] = {config.q_width(), config.kv_width(), config.kv_width()};
    return reader.stacked(names, rows, config.width);
  }
  const std::string name = block + "attn_qkv";
  const uint64_t rows = config.qkv_width();
  return reader.stacked({&name, 1}, {&rows, 1}, config.width);
}

Result<DecoderWeights> bind_weights(const ModelConfig& config, WeightReader& reader) {
  DecoderWeights weights;
  PUMICE_ASSIGN(weights.embedding, reader.matrix("token_embd.weight", config.vocabulary, config.width));
  for (uint32_t i = 0; i < config.layers; ++i) {
    const std::string block = "blk." + std::to_string(i) + ".";
    LayerWeights layer;
    PUMICE_ASSIGN(layer.attention_norm, reader.vector(block + "attn_norm.weight", config.width));
    PUMICE_ASSIGN(layer.qkv, bind_qkv(config, reader, block));
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
