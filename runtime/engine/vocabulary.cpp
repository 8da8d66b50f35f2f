#include "engine/vocabulary.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pumice {
namespace {

std::string full_key(std::string_view key) { return "tokenizer.ggml." + std::string(key); }

// Reads optional keys and remembers the first that has a type other than the one it must have.
class TokenizerKeys {
 public:
  explicit TokenizerKeys(const Gguf& file) : file_(file) {}

  template <typename T, typename Convert>
  std::optional<T> read(std::string_view key, const char* expected, Convert convert) {
    const GgufValue* value = file_.find(full_key(key));
    if (value == nullptr) return std::nullopt;
    auto converted = convert(*value);
    if (!converted && wrong_.empty())
      wrong_ = full_key(key) + " has the type " + value_type_name(*value) + ", not " + expected;
    return converted;
  }

  std::optional<int64_t> id(std::string_view key) {
    return read<int64_t>(key, "an integer", [](const GgufValue& v) { return v.as_i64(); });
  }
  std::optional<bool> flag(std::string_view key) {
    return read<bool>(key, "bool", [](const GgufValue& v) { return v.as_bool(); });
  }
  std::string text(std::string_view key) {
    const auto view = read<std::string_view>(key, "string", [](const GgufValue& v) { return v.as_string(); });
    return std::string(view.value_or(std::string_view()));
  }
  std::vector<std::string_view> texts(std::string_view key) {
    return read<std::vector<std::string_view>>(key, "[string]", [](const GgufValue& v) { return v.as_strings(); })
        .value_or(std::vector<std::string_view>());
  }

  const std::string& wrong() const { return wrong_; }

 private:
  const Gguf& file_;
  std::string wrong_;
};

// Scores are floats, but some converters wrote ranks as integers.
std::optional<std::vector<float>> scores_of(const GgufValue& value) {
  if (auto floats = value.as_f32_array()) return floats;
  const auto integers = value.as_i32_array();
  if (!integers) return std::nullopt;
  std::vector<float> floats;
  floats.reserve(integers->size());
  for (const int32_t integer : *integers) floats.push_back(static_cast<float>(integer));
  return floats;
}

std::optional<std::vector<std::byte>> array_bytes(const GgufValue& value) {
  const bool bytes = value.element_type == GgufValueType::kU8 || value.element_type == GgufValueType::kI8;
  if (!value.is_array() || !bytes) return std::nullopt;
  return std::vector<std::byte>(value.bytes.begin(), value.bytes.end());
}

// Of BPE, whose merges a file must have; of Kimi K2 some have none.
bool needs_merges(const TokenizerData& data) {
  return (data.model == "gpt2" && data.pre != "kimi-k2") || data.model == "gemma4" || data.model == "whitespace";
}

// As llama.cpp finds them.
bool is_phi3(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower.find("phi-3") != std::string::npos || lower.find("phi3") != std::string::npos;
}

}  // namespace

Result<TokenizerData> read_tokenizer(const Gguf& file) {
  TokenizerKeys reader(file);
  TokenizerData data;
  data.model = reader.text("model");
  data.pre = reader.text("pre");
  data.tokens = reader.texts("tokens");
  data.merges = reader.texts("merges");
  data.scores = reader.read<std::vector<float>>("scores", "[f32]", scores_of).value_or(std::vector<float>());
  data.token_types =
      reader.read<std::vector<int32_t>>("token_type", "[i32]", [](const GgufValue& v) { return v.as_i32_array(); })
          .value_or(std::vector<int32_t>());
  data.bos = reader.id("bos_token_id");
  data.eos = reader.id("eos_token_id");
  data.unk = reader.id("unknown_token_id");
  data.eot = reader.id("eot_token_id");
  data.eom = reader.id("eom_token_id");
  data.pad = reader.id("padding_token_id");
  data.sep = reader.id("seperator_token_id");
  data.add_bos = reader.flag("add_bos_token");
  data.add_eos = reader.flag("add_eos_token");
  data.add_space_prefix = reader.flag("add_space_prefix");
  data.remove_spaces = reader.flag("remove_extra_whitespaces");
  data.lowercase = reader.flag("normalizer.lowercase");
  data.strip_accents = reader.flag("normalizer.strip_accents");
  data.charsmap = reader.read<std::vector<std::byte>>("precompiled_charsmap", "[u8]", array_bytes)
                      .value_or(std::vector<std::byte>());
  data.is_phi3 = is_phi3(file.get_string("general.name").value_or(""));
  if (data.model == "gpt2" && data.pre.empty())
    data.warnings.emplace_back(
        "tokenizer.ggml.pre is missing: the default pre-tokenizer is taken, which many models were "
        "not trained with; convert the model again");
  if (file.find("tokenizer.ggml.suppress_tokens"))
    data.warnings.emplace_back("tokenizer.ggml.suppress_tokens is not supported: these tokens can be drawn");
  if (!reader.wrong().empty()) return error(Status::kMalformed, "%s; convert the model again", reader.wrong().c_str());
  if (data.has_ids_alone()) {
    const GgufTensor* embedding = file.find_tensor("token_embd.weight");
    data.vocabulary = embedding ? embedding->rows() : 0;
    return data;
  }
  if (data.model.empty() || data.tokens.empty()) {
    return error(Status::kNotFound,
                 "the file has no vocabulary (tokenizer.ggml.model and .tokens); use a model file "
                 "that was converted with its tokenizer");
  }
  if (needs_merges(data) && file.find("tokenizer.ggml.merges") == nullptr) {
    return error(Status::kMalformed, "the %s vocabulary has no tokenizer.ggml.merges; convert the model again",
                 data.model.c_str());
  }
  return data;
}

Result<std::optional<SourceVocabulary>> read_source_vocabulary(const Gguf& file) {
  if (!file.find(full_key("source.tokens"))) return std::optional<SourceVocabulary>();
  TokenizerKeys reader(file);
  SourceVocabulary source;
  TokenizerData& data = source.data;
  const auto integers = [](const GgufValue& v) { return v.as_i32_array(); };
  data.model = reader.text("model");
  data.tokens = reader.texts("source.tokens");
  data.scores = reader.read<std::vector<float>>("source.scores", "[f32]", scores_of).value_or(std::vector<float>());
  data.token_types = reader.read<std::vector<int32_t>>("source.token_type", "[i32]", integers)
                         .value_or(std::vector<int32_t>());
  data.charsmap = reader.read<std::vector<std::byte>>("source.precompiled_charsmap", "[u8]", array_bytes)
                      .value_or(std::vector<std::byte>());
  source.ids = reader.read<std::vector<int32_t>>("source.ids", "[i32]", integers).value_or(std::vector<int32_t>());
  source.end = reader.id("source.eos_token_id");
  source.unknown = reader.id("source.unknown_token_id");
  data.add_eos = reader.flag("add_eos_token");
  data.add_space_prefix = reader.flag("add_space_prefix");
  data.remove_spaces = reader.flag("remove_extra_whitespaces");
  if (!reader.wrong().empty()) return error(Status::kMalformed, "%s; convert the model again", reader.wrong().c_str());
  return std::optional(std::move(source));
}

}  // namespace pumice
