#include "support/translation_model.h"

#include <cmath>

#include "format/tensor_type.h"
#include "support/generator.h"
#include "support/gguf_writer.h"
#include "support/synthetic_model.h"

namespace pumice::test {
namespace {

class TranslationWriter {
 public:
  explicit TranslationWriter(const TranslationModel& model) : model_(model), random_(model.seed) {}

  std::vector<std::byte> write() {
    write_keys();
    if (!model_.two_tables || model_.t5) matrix("token_embd", model_.vocabulary, model_.width, 1);
    if (model_.two_tables) matrix("output", model_.vocabulary, model_.width, 1);
    for (const char* table : {"enc.token_embd", "dec.token_embd"})
      if (model_.two_tables && !model_.t5) matrix(table, model_.vocabulary, model_.width, 1);
    if (!model_.t5) {
      matrix("position_embd", model_.context, model_.width, 1);
      vector("output.bias", model_.vocabulary, 0, 1);
    }
    for (const char* stack : {"enc.", "dec."})
      if (model_.t5) matrix(std::string(stack) + "blk.0.attn_rel_b", kBuckets, model_.heads, 3);
    for (uint32_t i = 0; i < model_.encoder_layers; ++i) write_layer("enc.blk." + std::to_string(i) + ".", false);
    for (uint32_t i = 0; i < model_.decoder_layers; ++i) write_layer("dec.blk." + std::to_string(i) + ".", true);
    for (const char* norm : {"enc.output_norm", "dec.output_norm"})
      if (model_.norm_first || model_.t5) write_norm(norm);
    return writer_.finish();
  }

 private:
  static constexpr uint32_t kBuckets = 32;

  void write_t5_keys() {
    const std::string p = model_.alone ? "t5encoder." : "t5.";
    writer_.string("general.architecture", p.substr(0, p.size() - 1));
    writer_.u32(p + "block_count", model_.encoder_layers);
    writer_.u32(p + "embedding_length", model_.width).u32(p + "feed_forward_length", model_.ffn);
    writer_.u32(p + "attention.head_count", model_.heads).u32(p + "attention.key_length", model_.width / model_.heads);
    writer_.u32(p + "attention.relative_buckets_count", kBuckets).f32(p + "attention.layer_norm_rms_epsilon", 1e-6f);
    if (!model_.alone) {
      writer_.u32(p + "decoder_block_count", model_.decoder_layers);
      writer_.u32(p + "decoder_start_token_id", static_cast<uint32_t>(model_.start_token));
    }
    writer_.u32("tokenizer.ggml.eos_token_id", static_cast<uint32_t>(model_.end_token));
    writer_.string("tokenizer.ggml.model", "none");
  }

  void write_keys() {
    if (model_.t5) return write_t5_keys();
    writer_.string("general.architecture", "marian");
    writer_.u32("marian.block_count", model_.encoder_layers).u32("marian.decoder_block_count", model_.decoder_layers);
    writer_.u32("marian.embedding_length", model_.width).u32("marian.feed_forward_length", model_.ffn);
    writer_.u32("marian.attention.head_count", model_.heads).u32("marian.context_length", model_.context);
    writer_.f32("marian.attention.layer_norm_epsilon", 1e-6f).f32("marian.embedding_scale", 2);
    writer_.boolean("marian.norm_first", model_.norm_first).string("marian.hidden_activation", model_.activation);
    writer_.string("marian.decoder_mixer", model_.recurrent ? "ssru" : "attention");
    writer_.u32("marian.decoder_start_token_id", static_cast<uint32_t>(model_.start_token));
    writer_.u32("tokenizer.ggml.eos_token_id", static_cast<uint32_t>(model_.end_token));
    if (model_.letters)
      write_letters();
    else
      writer_.string("tokenizer.ggml.model", "none");
  }

  void write_letters() {
    std::vector<std::string> tokens = {"<unk>", "<pad>", "<2pt>", "</s>", "\xE2\x96\x81"};
    std::vector<int32_t> types = {2, 3, 4, 3, 1};
    for (char letter = 'a'; letter <= 'z'; ++letter) tokens.emplace_back(1, letter);
    while (tokens.size() < model_.vocabulary) tokens.push_back("piece" + std::to_string(tokens.size()));
    types.resize(tokens.size(), 1);
    writer_.string("tokenizer.ggml.model", "t5").strings("tokenizer.ggml.tokens", tokens);
    writer_.f32s("tokenizer.ggml.scores", std::vector<float>(tokens.size(), -1))
        .i32s("tokenizer.ggml.token_type", types);
    writer_.u32("tokenizer.ggml.unknown_token_id", 0).boolean("tokenizer.ggml.add_space_prefix", true);
    writer_.boolean("tokenizer.ggml.add_eos_token", true).boolean("tokenizer.ggml.remove_extra_whitespaces", true);
  }

  void add(GgufWriter::Tensor tensor) {
    if (!model_.alone || !tensor.name.starts_with("dec.")) writer_.tensor(std::move(tensor));
  }
  void matrix(const std::string& name, uint64_t rows, uint64_t cols, double gain) {
    const double deviation = gain / std::sqrt(static_cast<double>(cols));
    add({name + ".weight",
         {cols, rows},
         static_cast<uint32_t>(TensorType::kF32),
         random_weights(TensorType::kF32, rows * cols, deviation, random_.bits()),
         {}});
  }
  void vector(const std::string& name, uint64_t length, double mean, double deviation) {
    add({name,
         {length},
         static_cast<uint32_t>(TensorType::kF32),
         f32_bytes(random_.normals(length, mean, deviation)),
         {}});
  }
  void write_norm(const std::string& name) {
    vector(name + ".weight", model_.width, 1, 0.2);
    if (!model_.t5) vector(name + ".bias", model_.width, 0, 0.2);
  }
  void projection(const std::string& name, uint64_t rows, uint64_t cols, double gain) {
    matrix(name, rows, cols, gain);
    if (!model_.t5) vector(name + ".bias", rows, 0, 0.3);
  }
  void write_attention(const std::string& prefix) {
    for (const char* part : {"q", "k", "v", "o"}) projection(prefix + part, model_.width, model_.width, 1.5);
    write_norm(prefix + "norm");
  }
  void write_layer(const std::string& block, bool decoder) {
    if (decoder && model_.recurrent) {
      matrix(block + "ssru_x", model_.width, model_.width, 1.5);
      projection(block + "ssru_f", model_.width, model_.width, 1);
      write_norm(block + "attn_norm");
    } else {
      write_attention(block + "attn_");
    }
    if (decoder) write_attention(block + "cross_attn_");
    projection(block + "ffn_up", model_.ffn, model_.width, 1.5);
    if (model_.gated) projection(block + "ffn_gate", model_.ffn, model_.width, 1.5);
    projection(block + "ffn_down", model_.width, model_.ffn, 1);
    write_norm(block + "ffn_norm");
  }

  const TranslationModel& model_;
  GgufWriter writer_;
  Generator random_;
};

}  // namespace

std::vector<std::byte> make_translation_model(const TranslationModel& model) {
  return TranslationWriter(model).write();
}

}  // namespace pumice::test
