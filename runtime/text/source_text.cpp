#include "text/source_text.h"

#include <algorithm>
#include <utility>

#include "base/printable.h"

namespace pumice {
namespace {

constexpr std::string_view kUnknownName = "<unknown>";
constexpr size_t kNamedLanguages = 20;

// "por" of <2por> and >>por<<.
std::optional<std::string_view> language_in(std::string_view token) {
  if (token.size() > 3 && token.starts_with("<2") && token.ends_with('>')) return token.substr(2, token.size() - 3);
  if (token.size() > 4 && token.starts_with(">>") && token.ends_with("<<")) return token.substr(2, token.size() - 4);
  return std::nullopt;
}

}  // namespace

Result<SourceText> SourceText::create(SourceVocabulary source, uint32_t vocabulary) {
  const auto valid = [&](int64_t id) { return id >= 0 && id < int64_t{vocabulary}; };
  if (source.ids.size() != source.data.tokens.size() || !std::all_of(source.ids.begin(), source.ids.end(), valid) ||
      (source.end && !valid(*source.end)) || !source.unknown || !valid(*source.unknown))
    return error(Status::kMalformed,
                 "tokenizer.ggml.source.ids, .eos_token_id or .unknown_token_id does not fit the "
                 "vocabulary; convert the model again");
  SourceText text;
  text.ids_ = std::move(source.ids);
  // Whatever the file's table has for what is unknown, its number is the encoder's.
  TokenizerData& data = source.data;
  data.unk = static_cast<int64_t>(data.tokens.size());
  data.tokens.push_back(kUnknownName);
  data.scores.resize(data.tokens.size());
  data.token_types.resize(data.tokens.size() - 1, static_cast<int32_t>(TokenType::kNormal));
  data.token_types.push_back(static_cast<int32_t>(TokenType::kUnknown));
  text.ids_.push_back(static_cast<int32_t>(*source.unknown));
  if (data.add_eos.value_or(true) && source.end) text.end_ = static_cast<int32_t>(*source.end);
  data.add_bos = data.add_eos = false;
  PUMICE_ASSIGN(text.own_, Tokenizer::create(std::move(data)));
  return text;
}

std::vector<int32_t> SourceText::encode(std::string_view text, std::optional<int32_t> language) const {
  std::vector<int32_t> ids;
  if (language) ids.push_back(*language);
  const EncodeOptions options{.add_special = !own_, .parse_special = false};
  for (const int32_t piece : pieces().encode(text, options))
    ids.push_back(own_ ? ids_[static_cast<size_t>(piece)] : piece);
  if (end_) ids.push_back(*end_);
  return ids;
}

std::optional<int32_t> SourceText::id_of(std::string_view name) const {
  const std::optional<int32_t> piece = pieces().find(name);
  return piece && own_ ? std::optional(ids_[static_cast<size_t>(*piece)]) : piece;
}

std::string SourceText::languages() const {
  std::string names;
  size_t count = 0;
  for (int32_t piece = 0; piece < pieces().vocabulary_size(); ++piece) {
    const auto language = language_in(pieces().token_name(piece));
    if (!language || ++count > kNamedLanguages) continue;
    names += (names.empty() ? "" : ", ") + printable(*language);
  }
  if (names.empty()) return "none: the model has one target language";
  return names + (count > kNamedLanguages ? " and " + std::to_string(count - kNamedLanguages) + " more" : "");
}

Result<int32_t> SourceText::language(std::string_view name) const {
  const std::string wanted(name);
  for (const std::string& token : {"<2" + wanted + ">", ">>" + wanted + "<<", wanted})
    if (const std::optional<int32_t> id = id_of(token); id && language_in(token)) return *id;
  return error(Status::kNotFound, "the model has no target language '%s'; it has %s", printable(wanted).c_str(),
               languages().c_str());
}

}  // namespace pumice
