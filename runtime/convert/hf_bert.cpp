// BERT and its kin (MiniLM, BGE, E5, GTE) from a folder of Hugging Face. Layout: as llama.cpp's converter writes it.
#include <algorithm>

#include "base/printable.h"
#include "convert/hf_folder.h"
#include "convert/sources.h"
#include "convert/types.h"
#include "text/unicode.h"

namespace pumice {
namespace {

constexpr uint64_t kMostBertSize = 1 << 20, kMostBertLayers = 1024;
constexpr int32_t kNormalToken = 1, kControlToken = 3, kUnusedToken = 5;

struct BertSizes {
  uint64_t vocabulary, width, layers, heads, inner, positions, types;
};

struct WordPieces {
  std::vector<std::string> tokens;  // by id, as the folder has them
  std::set<std::string> special;
  std::optional<bool> lowercase, strip_accents;

  std::optional<uint64_t> id(const std::string& token) const {
    const auto found = std::ranges::find(tokens, token);
    if (found == tokens.end()) return std::nullopt;
    return static_cast<uint64_t>(found - tokens.begin());
  }
};

// From a map of tokens to ids, which must be those from 0 on, each once.
Result<std::vector<std::string>> tokens_by_id(const Json& ids, uint64_t most, const std::string& name) {
  std::vector<std::string> tokens(std::min<uint64_t>(ids.members().size(), most));
  std::vector<bool> seen(tokens.size());
  for (const auto& [token, id] : ids.members()) {
    const std::optional<uint64_t> number = count_of(id);
    if (!number || *number >= tokens.size() || seen[*number])
      return error(Status::kMalformed, "%s: the ids of the tokens are not 0 to %zu, each once", name.c_str(),
                   tokens.size());
    seen[*number] = true;
    tokens[*number] = token;
  }
  return tokens;
}

Result<void> read_tokenizer_json(const HfFolder& folder, uint64_t vocabulary, WordPieces& pieces) {
  PUMICE_ASSIGN(const Json json, folder.read_json("tokenizer.json"));
  const Json* model = member(json, "model");
  const std::string kind = model ? text_member(*model, "type").value_or("") : "";
  const Json* ids = model ? member(*model, "vocab") : nullptr;
  if (kind != "WordPiece" || !ids || !ids->is_object())
    return error(Status::kUnsupported, "tokenizer.json is of kind \"%s\", where BERT has WordPiece",
                 printable(kind.substr(0, 64)).c_str());
  PUMICE_ASSIGN(pieces.tokens, tokens_by_id(*ids, vocabulary, folder.path("tokenizer.json")));
  if (const Json::Array* added = array_member(json, "added_tokens"))
    for (const Json& token : *added)
      if (flag_member(token, "special").value_or(false))
        pieces.special.insert(text_member(token, "content").value_or(""));
  if (const Json* normalizer = member(json, "normalizer")) {
    pieces.lowercase = flag_member(*normalizer, "lowercase");
    pieces.strip_accents = flag_member(*normalizer, "strip_accents");
  }
  return {};
}

Result<WordPieces> read_word_pieces(const HfFolder& folder, uint64_t vocabulary) {
  WordPieces pieces;
  if (folder.has_file("tokenizer.json")) {
    PUMICE_TRY(read_tokenizer_json(folder, vocabulary, pieces));
  } else {
    PUMICE_ASSIGN(const std::string text, read_text_file(folder.path("vocab.txt"), 64 << 20));
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      std::string token = text.substr(at, end - at);
      if (token.ends_with('\r')) token.pop_back();
      pieces.tokens.push_back(std::move(token));
      at = end + 1;
    }
    if (folder.has_file("tokenizer_config.json")) {
      PUMICE_ASSIGN(const Json settings, folder.read_json("tokenizer_config.json"));
      pieces.lowercase = flag_member(settings, "do_lower_case");
      pieces.strip_accents = flag_member(settings, "strip_accents");
    }
  }
  for (const char* name : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}) pieces.special.insert(name);
  if (pieces.tokens.empty() || pieces.tokens.size() > vocabulary)
    return error(Status::kMalformed, "%zu tokens, where config.json says %llu", pieces.tokens.size(),
                 static_cast<unsigned long long>(vocabulary));
  return pieces;
}

// Pieces that begin a word start with a mark, and those that go on lose their "##".
Result<void> add_tokens(const WordPieces& pieces, const BertSizes& sizes, GgufMetadata& to) {
  std::vector<std::string> tokens;
  std::vector<int32_t> kinds;
  for (const std::string& piece : pieces.tokens) {
    const bool special = pieces.special.contains(piece);
    kinds.push_back(special ? kControlToken : kNormalToken);
    if (special)
      tokens.push_back(piece);
    else
      tokens.push_back(piece.starts_with("##") ? piece.substr(2) : std::string(kSpaceMark) + piece);
  }
  while (tokens.size() < sizes.vocabulary) {
    tokens.push_back("[PAD" + std::to_string(tokens.size()) + "]");
    kinds.push_back(kUnusedToken);
  }
  to.string("tokenizer.ggml.model", "bert");
  to.string("tokenizer.ggml.pre", "default");
  to.u32("tokenizer.ggml.token_type_count", sizes.types);
  to.strings("tokenizer.ggml.tokens", tokens);
  to.numbers("tokenizer.ggml.token_type", kinds);
  // "seperator" is how GGUF spells it.
  constexpr std::pair<const char*, const char*> kRoles[] = {
      {"unknown", "[UNK]"}, {"seperator", "[SEP]"}, {"padding", "[PAD]"}, {"cls", "[CLS]"},
      {"mask", "[MASK]"},   {"bos", "[CLS]"},       {"eos", "[SEP]"}};
  for (const auto& [role, token] : kRoles) {
    const std::optional<uint64_t> id = pieces.id(token);
    if (!id && std::string_view(role) != "mask" && std::string_view(role) != "padding")
      return error(Status::kUnsupported, "the vocabulary has no %s, as BERT's have", token);
    if (id) to.u32("tokenizer.ggml." + std::string(role) + "_token_id", *id);
  }
  if (pieces.lowercase) to.boolean("tokenizer.ggml.normalizer.lowercase", *pieces.lowercase);
  if (pieces.strip_accents) to.boolean("tokenizer.ggml.normalizer.strip_accents", *pieces.strip_accents);
  return {};
}

// As GGUF counts them: 1 mean, 2 the first token's, 3 the last one's. Nothing where the folder does not say.
Result<std::optional<uint64_t>> pooling_of(const HfFolder& folder) {
  if (!folder.has_file("modules.json")) return std::optional<uint64_t>();
  PUMICE_ASSIGN(const std::string text, read_text_file(folder.path("modules.json"), 1 << 20));
  PUMICE_ASSIGN(const Json modules, parse_json_object("{\"modules\":" + text + "}", folder.path("modules.json")));
  std::string place;
  const Json::Array* list = array_member(modules, "modules");
  for (const Json& module : list ? *list : Json::Array())
    if (text_member(module, "type").value_or("").ends_with("Pooling")) place = text_member(module, "path").value_or("");
  if (place.empty() || place.find("..") != std::string::npos) return std::optional<uint64_t>();
  PUMICE_ASSIGN(const Json pooling, folder.read_json(place + "/config.json"));
  if (flag_member(pooling, "pooling_mode_mean_tokens").value_or(false)) return std::optional<uint64_t>(1);
  if (flag_member(pooling, "pooling_mode_cls_token").value_or(false)) return std::optional<uint64_t>(2);
  if (flag_member(pooling, "pooling_mode_lasttoken").value_or(false)) return std::optional<uint64_t>(3);
  return error(Status::kUnsupported, "the pooling of %s is none of mean, CLS and last token", place.c_str());
}

class BertPlan {
 public:
  BertPlan(HfFolder& folder, const BertSizes& sizes) : folder_(folder), sizes_(sizes) {}

  Result<std::vector<PlannedTensor>> tensors(bool classifier) {
    const uint64_t width = sizes_.width;
    PUMICE_TRY(add("token_embd.weight", "embeddings.word_embeddings.weight", {sizes_.vocabulary, width}));
    PUMICE_TRY(add("position_embd.weight", "embeddings.position_embeddings.weight", {sizes_.positions, width}));
    PUMICE_TRY(add("token_types.weight", "embeddings.token_type_embeddings.weight", {sizes_.types, width}));
    PUMICE_TRY(add_norm("token_embd_norm", "embeddings.LayerNorm"));
    for (uint64_t i = 0; i < sizes_.layers; ++i) PUMICE_TRY(add_layer(std::to_string(i)));
    if (!classifier) return std::move(tensors_);
    PUMICE_TRY(add_linear("cls", "pooler.dense", width, width));
    PUMICE_TRY(add_linear("cls.output", "classifier", 1, width));
    return std::move(tensors_);
  }

 private:
  Result<void> add(const std::string& ours, const std::string& theirs, std::vector<uint64_t> shape) {
    PUMICE_ASSIGN(PlannedTensor tensor, folder_.tensor(ours, theirs, std::move(shape)));
    tensors_.push_back(std::move(tensor));
    return {};
  }
  Result<void> add_norm(const std::string& ours, const std::string& theirs) {
    PUMICE_TRY(add(ours + ".weight", theirs + ".weight", {sizes_.width}));
    return add(ours + ".bias", theirs + ".bias", {sizes_.width});
  }
  Result<void> add_linear(const std::string& ours, const std::string& theirs, uint64_t rows, uint64_t columns) {
    PUMICE_TRY(add(ours + ".weight", theirs + ".weight", {rows, columns}));
    return add(ours + ".bias", theirs + ".bias", {rows});
  }
  Result<void> add_layer(const std::string& number) {
    const std::string block = "blk." + number + ".", layer = "encoder.layer." + number + ".";
    const uint64_t width = sizes_.width, inner = sizes_.inner;
    PUMICE_TRY(add_linear(block + "attn_q", layer + "attention.self.query", width, width));
    PUMICE_TRY(add_linear(block + "attn_k", layer + "attention.self.key", width, width));
    PUMICE_TRY(add_linear(block + "attn_v", layer + "attention.self.value", width, width));
    PUMICE_TRY(add_linear(block + "attn_output", layer + "attention.output.dense", width, width));
    PUMICE_TRY(add_norm(block + "attn_output_norm", layer + "attention.output.LayerNorm"));
    PUMICE_TRY(add_linear(block + "ffn_up", layer + "intermediate.dense", inner, width));
    PUMICE_TRY(add_linear(block + "ffn_down", layer + "output.dense", width, inner));
    return add_norm(block + "layer_output_norm", layer + "output.LayerNorm");
  }

  HfFolder& folder_;
  const BertSizes& sizes_;
  std::vector<PlannedTensor> tensors_;
};

Result<BertSizes> read_bert_sizes(const HfFolder& folder) {
  PUMICE_TRY(folder.expect("hidden_act", {"gelu"}));
  PUMICE_TRY(folder.expect("position_embedding_type", {"absolute"}));
  BertSizes sizes{};
  PUMICE_ASSIGN(sizes.vocabulary, folder.count("vocab_size", kMostBertSize));
  PUMICE_ASSIGN(sizes.width, folder.count("hidden_size", kMostBertSize));
  PUMICE_ASSIGN(sizes.layers, folder.count("num_hidden_layers", kMostBertLayers));
  PUMICE_ASSIGN(sizes.heads, folder.count("num_attention_heads", kMostBertSize));
  PUMICE_ASSIGN(sizes.inner, folder.count("intermediate_size", kMostBertSize));
  PUMICE_ASSIGN(sizes.positions, folder.count("max_position_embeddings", kMostBertSize));
  PUMICE_ASSIGN(sizes.types, folder.count("type_vocab_size", kMostBertSize));
  return sizes;
}

}  // namespace

Result<ConvertPlan> plan_hf_bert(const std::string& path, ConvertType type) {
  PUMICE_ASSIGN(HfFolder folder, HfFolder::open(path, "bert."));
  PUMICE_ASSIGN(const BertSizes sizes, read_bert_sizes(folder));
  const bool classifier = folder.has("classifier.weight");
  ConvertPlan plan{.kind = "bert"};
  plan.metadata.string("general.architecture", "bert");
  plan.metadata.string("general.name", folder.model_name());
  plan.metadata.u32("bert.block_count", sizes.layers);
  plan.metadata.u32("bert.context_length", sizes.positions);
  plan.metadata.u32("bert.embedding_length", sizes.width);
  plan.metadata.u32("bert.feed_forward_length", sizes.inner);
  plan.metadata.u32("bert.attention.head_count", sizes.heads);
  plan.metadata.f32("bert.attention.layer_norm_epsilon",
                    number_member(folder.config(), "layer_norm_eps").value_or(1e-12));
  plan.metadata.boolean("bert.attention.causal", false);
  PUMICE_ASSIGN(std::optional<uint64_t> pooling, pooling_of(folder));
  if (classifier) pooling = 4;
  if (pooling) plan.metadata.u32("bert.pooling_type", *pooling);
  PUMICE_ASSIGN(const WordPieces pieces, read_word_pieces(folder, sizes.vocabulary));
  PUMICE_TRY(add_tokens(pieces, sizes, plan.metadata));
  PUMICE_ASSIGN(plan.tensors, BertPlan(folder, sizes).tensors(classifier));
  // What was trained with a model and is no part of it.
  PUMICE_TRY(folder.check_all_used({"position_ids", "pooler.dense", "cls.predictions", "cls.seq_relationship"}));
  finish_gguf(plan, {.architecture = "bert", .layers = sizes.layers}, type);
  return plan;
}

}  // namespace pumice
