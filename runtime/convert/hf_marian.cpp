// MarianMT (OPUS-MT) from a folder of Hugging Face.
#include <algorithm>
#include <cmath>
#include <map>

#include "base/printable.h"
#include "convert/hf_folder.h"
#include "convert/marian_plan.h"
#include "convert/sentencepiece.h"
#include "convert/sources.h"
#include "convert/types.h"

namespace pumice {
namespace {

constexpr uint64_t kMostMarianSize = 1 << 20, kMostMarianLayers = 256, kMostPositionTable = 1 << 24;

// What the folder says of the tokens' numbers.
struct MarianTokens {
  uint64_t vocabulary = 0, padding = 0, start = 0;
};

class MarianPlan {
 public:
  MarianPlan(HfFolder& folder, const MarianSettings& settings, const MarianTokens& tokens)
      : folder_(folder), settings_(settings), tokens_(tokens) {}

  Result<std::vector<PlannedTensor>> tensors() {
    PUMICE_TRY(add_embedding());
    PUMICE_TRY(add_positions());
    for (uint64_t i = 0; i < settings_.layers; ++i) PUMICE_TRY(add_layer(false, std::to_string(i)));
    for (uint64_t i = 0; i < settings_.decoder_layers; ++i) PUMICE_TRY(add_layer(true, std::to_string(i)));
    if (!flag_member(folder_.config(), "tie_word_embeddings").value_or(true))
      PUMICE_TRY(add("output.weight", "lm_head.weight", {tokens_.vocabulary, settings_.width}));
    PUMICE_TRY(add_output_bias());
    return std::move(tensors_);
  }

 private:
  Result<void> add(const std::string& ours, const std::string& theirs, std::vector<uint64_t> shape) {
    PUMICE_ASSIGN(PlannedTensor tensor, folder_.tensor(ours, theirs, std::move(shape)));
    tensors_.push_back(std::move(tensor));
    return {};
  }
  Result<void> add_pair(const std::string& ours, const std::string& theirs, std::vector<uint64_t> shape) {
    PUMICE_TRY(add(ours + ".bias", theirs + ".bias", {shape[0]}));
    return add(ours + ".weight", theirs + ".weight", std::move(shape));
  }

  Result<void> add_embedding() {
    const char* theirs = folder_.has("shared.weight") ? "shared.weight" : "encoder.embed_tokens.weight";
    PUMICE_TRY(add("token_embd.weight", theirs, {tokens_.vocabulary, settings_.width}));
    if (tokens_.start != tokens_.padding) return {};
    // The decoder starts from it: zeros in every published checkpoint.
    const uint64_t begin = tokens_.padding * settings_.width, end = begin + settings_.width;
    tensors_.back().source.adjust = [begin, end](uint64_t first, std::span<float> values) {
      for (uint64_t i = std::max(begin, first); i < std::min(end, first + values.size()); ++i) values[i - first] = 0;
    };
    return {};
  }

  Result<void> add_positions() {
    const uint64_t rows = settings_.positions, width = settings_.width;
    const char* theirs = "encoder.embed_positions.weight";
    if (folder_.has(theirs)) {
      PUMICE_TRY(add("position_embd.weight", theirs, {rows, width}));
      // In full, whatever the folder has.
      PUMICE_ASSIGN(std::vector<float> values, folder_.values(theirs, rows * width));
      tensors_.back() = float_tensor("position_embd.weight", {width, rows}, std::move(values));
      return {};
    }
    tensors_.push_back(float_tensor("position_embd.weight", {width, rows},
                                    sine_positions(rows, width, 0, static_cast<double>(width) / 2)));
    return {};
  }

  Result<void> add_attention(const std::string& ours, const std::string& theirs) {
    constexpr std::pair<const char*, const char*> kParts[] = {
        {"_q", "q_proj"}, {"_k", "k_proj"}, {"_v", "v_proj"}, {"_o", "out_proj"}};
    for (const auto& [mine, other] : kParts)
      PUMICE_TRY(add_pair(ours + mine, theirs + "." + other, {settings_.width, settings_.width}));
    return add_pair(ours + "_norm", theirs + "_layer_norm", {settings_.width});
  }

  Result<void> add_layer(bool decoder, const std::string& number) {
    const std::string block = (decoder ? "dec.blk." : "enc.blk.") + number + ".";
    const std::string layer = (decoder ? "decoder.layers." : "encoder.layers.") + number + ".";
    const uint64_t width = settings_.width, inner = decoder ? settings_.decoder_inner : settings_.inner;
    PUMICE_TRY(add_attention(block + "attn", layer + "self_attn"));
    if (decoder) PUMICE_TRY(add_attention(block + "cross_attn", layer + "encoder_attn"));
    PUMICE_TRY(add_pair(block + "ffn_up", layer + "fc1", {inner, width}));
    PUMICE_TRY(add_pair(block + "ffn_down", layer + "fc2", {width, inner}));
    return add_pair(block + "ffn_norm", layer + "final_layer_norm", {width});
  }

  Result<void> add_output_bias() {
    std::vector<float> bias(static_cast<size_t>(tokens_.vocabulary));
    if (folder_.has("final_logits_bias")) {
      PUMICE_ASSIGN(bias, folder_.values("final_logits_bias", tokens_.vocabulary));
    }
    bias[static_cast<size_t>(tokens_.padding)] = kSuppressed;
    if (const Json::Array* bad = array_member(folder_.config(), "bad_words_ids"))
      for (const Json& ids : *bad)
        if (ids.is_array() && ids.items().size() == 1)
          if (const auto id = count_of(ids.items()[0]); id && *id < bias.size()) bias[*id] = kSuppressed;
    tensors_.push_back(float_tensor("output.bias", {tokens_.vocabulary}, std::move(bias)));
    return {};
  }

  HfFolder& folder_;
  const MarianSettings& settings_;
  const MarianTokens& tokens_;
  std::vector<PlannedTensor> tensors_;
};

bool is_language(const std::string& token) { return token.starts_with(">>") && token.ends_with("<<"); }

PieceKind kind_of(const std::string& token) {
  if (token == "<unk>") return PieceKind::kUnknown;
  if (token.empty() || token == "</s>" || token == "<s>" || token == "<pad>") return PieceKind::kControl;
  return is_language(token) ? PieceKind::kUserDefined : PieceKind::kNormal;
}

Result<Pieces> read_spm(const HfFolder& folder, const char* name) {
  PUMICE_ASSIGN(const std::string text, read_text_file(folder.path(name), 64 << 20));
  Result<Pieces> pieces = read_sentencepiece(text);
  if (!pieces) return error(pieces.error().status, "%s: %s", folder.path(name).c_str(), pieces.error().message.c_str());
  return pieces;
}

// source.spm and target.spm cut texts; vocab.json numbers the pieces of both.
Result<void> add_tokenizer(const HfFolder& folder, const MarianTokens& tokens, GgufMetadata& to) {
  PUMICE_ASSIGN(const Json numbers, folder.read_json("vocab.json"));
  PUMICE_ASSIGN(Pieces source, read_spm(folder, "source.spm"));
  PUMICE_ASSIGN(const Pieces spm_target, read_spm(folder, "target.spm"));
  std::vector<std::string> texts(static_cast<size_t>(tokens.vocabulary));
  std::map<std::string, uint64_t> ids;
  for (const auto& [text, number] : numbers.members()) {
    const std::optional<uint64_t> id = count_of(number);
    if (!id || *id >= texts.size())
      return error(Status::kMalformed, "vocab.json: the number of %s is not below %zu", printable(text).c_str(),
                   texts.size());
    texts[*id] = text;
    ids[text] = *id;
  }
  if (!ids.contains("<unk>") || !ids.contains("</s>"))
    return error(Status::kMalformed, "vocab.json has no <unk> or no </s>");
  std::map<std::string_view, float> scores;
  for (size_t i = 0; i < spm_target.texts.size(); ++i) scores[spm_target.texts[i]] = spm_target.scores[i];
  Pieces target;
  for (const std::string& text : texts) {
    const auto score = scores.find(text);
    target.add(text, score != scores.end() ? score->second : 0, kind_of(text));
  }
  std::vector<int32_t> source_ids;
  for (const std::string& text : source.texts) {
    const auto id = ids.find(text);
    source_ids.push_back(static_cast<int32_t>(id != ids.end() ? id->second : ids["<unk>"]));
  }
  for (size_t i = 0; i < texts.size(); ++i)
    if (is_language(texts[i])) {
      source.add(texts[i], 0, PieceKind::kUserDefined);
      source_ids.push_back(static_cast<int32_t>(i));
    }
  to.string("tokenizer.ggml.model", "t5");
  to.string("tokenizer.ggml.pre", "default");
  target.write("tokenizer.ggml.", to);
  source.write("tokenizer.ggml.source.", to);
  to.numbers("tokenizer.ggml.source.ids", std::span<const int32_t>(source_ids));
  to.u32("tokenizer.ggml.source.eos_token_id", ids["</s>"]);
  to.u32("tokenizer.ggml.source.unknown_token_id", ids["<unk>"]);
  to.u32("tokenizer.ggml.eos_token_id", ids["</s>"]);
  to.u32("tokenizer.ggml.unknown_token_id", ids["<unk>"]);
  to.u32("tokenizer.ggml.padding_token_id", tokens.padding);
  to.boolean("tokenizer.ggml.add_bos_token", false);
  to.boolean("tokenizer.ggml.add_eos_token", true);
  to.boolean("tokenizer.ggml.add_space_prefix", source.space_prefix);
  to.boolean("tokenizer.ggml.remove_extra_whitespaces", source.remove_spaces);
  return {};
}

Result<MarianSettings> read_settings(const HfFolder& folder, const Json& generation) {
  const Json& config = folder.config();
  if (!flag_member(config, "share_encoder_decoder_embeddings").value_or(true))
    return error(Status::kUnsupported, "separate source and target vocabularies are not supported");
  if (flag_member(config, "normalize_before").value_or(false) ||
      flag_member(config, "normalize_embedding").value_or(false))
    return error(Status::kUnsupported, "norms before the sums or behind the embedding are not those of MarianMT");
  PUMICE_TRY(folder.expect("activation_function", {"relu", "swish", "silu", "gelu"}));
  MarianSettings settings{.name = folder.model_name()};
  PUMICE_ASSIGN(settings.positions, folder.count("max_position_embeddings", kMostMarianSize));
  PUMICE_ASSIGN(settings.width, folder.count("d_model", 1 << 16));
  PUMICE_ASSIGN(settings.layers, folder.count("encoder_layers", kMostMarianLayers));
  PUMICE_ASSIGN(settings.decoder_layers, folder.count("decoder_layers", kMostMarianLayers));
  PUMICE_ASSIGN(settings.inner, folder.count("encoder_ffn_dim", kMostMarianSize));
  PUMICE_ASSIGN(settings.decoder_inner, folder.count("decoder_ffn_dim", kMostMarianSize));
  PUMICE_ASSIGN(settings.heads, folder.count("encoder_attention_heads", kMostMarianSize));
  PUMICE_ASSIGN(settings.decoder_heads, folder.count("decoder_attention_heads", kMostMarianSize));
  if (settings.positions * settings.width > kMostPositionTable)
    return error(Status::kMalformed, "max_position_embeddings times d_model is more than any model has");
  if (flag_member(config, "scale_embedding").value_or(false))
    settings.embedding_scale = std::sqrt(static_cast<double>(settings.width));
  settings.activation = text_member(config, "activation_function").value_or("swish");
  if (settings.activation == "swish") settings.activation = "silu";
  settings.beam = std::clamp<uint64_t>(
      count_member(generation, "num_beams").value_or(count_member(config, "num_beams").value_or(4)), 1, 16);
  settings.length_penalty =
      number_member(generation, "length_penalty").value_or(number_member(config, "length_penalty").value_or(1));
  return settings;
}

}  // namespace

Result<ConvertPlan> plan_hf_marian(const std::string& path, ConvertType type) {
  PUMICE_ASSIGN(HfFolder folder, HfFolder::open(path, "model."));
  Json generation;
  if (folder.has_file("generation_config.json")) {
    PUMICE_ASSIGN(generation, folder.read_json("generation_config.json"));
  }
  PUMICE_ASSIGN(MarianSettings settings, read_settings(folder, generation));
  MarianTokens tokens;
  PUMICE_ASSIGN(tokens.vocabulary, folder.count("vocab_size", kMostMarianSize));
  tokens.padding = count_member(folder.config(), "pad_token_id").value_or(tokens.vocabulary - 1);
  tokens.start = count_member(folder.config(), "decoder_start_token_id").value_or(tokens.padding);
  if (tokens.padding >= tokens.vocabulary || tokens.start >= tokens.vocabulary)
    return error(Status::kMalformed, "pad_token_id or decoder_start_token_id are outside of the vocabulary");
  settings.start_token = tokens.start;
  ConvertPlan plan{.kind = "marian"};
  write_marian_settings(settings, plan.metadata);
  PUMICE_TRY(add_tokenizer(folder, tokens, plan.metadata));
  PUMICE_ASSIGN(plan.tensors, MarianPlan(folder, settings, tokens).tensors());
  // The embeddings that are the shared one, and the decoder's positions, which are the encoder's.
  PUMICE_TRY(folder.check_all_used({"embed_tokens.weight", "embed_positions.weight", "lm_head.weight"}));
  finish_gguf(plan, {.architecture = "marian", .layers = settings.layers}, type);
  return plan;
}

}  // namespace pumice
