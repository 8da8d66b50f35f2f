#include "text/token_table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "text/control_names.h"
#include "text/unicode.h"

namespace pumice {
namespace {

// The ids where the file gives none, by kind; -1: none.
struct DefaultIds {
  int32_t bos = -1, eos = -1, unk = -1, sep = -1, pad = -1;
};

DefaultIds default_ids(VocabularyKind kind, std::string_view model) {
  switch (kind) {
    case VocabularyKind::kSentencePiece:
      return {.bos = 1, .eos = 2, .unk = 0};
    case VocabularyKind::kByteLevel:
      return {.bos = 11, .eos = 11};
    case VocabularyKind::kCharacters:
      return model == "gemma4" ? DefaultIds{} : DefaultIds{.bos = 11, .eos = 11};
    case VocabularyKind::kWordPiece:
      return {.bos = 101, .unk = 100, .sep = 102, .pad = 0};
    case VocabularyKind::kUnigram:
      return {.eos = 1, .unk = 2, .pad = 0};
    case VocabularyKind::kPlamo:
      return {.bos = 1, .eos = 2, .unk = 0, .pad = 3};
    case VocabularyKind::kRwkv:
    case VocabularyKind::kIds:
      break;
  }
  return {};
}

// A space mark is a space; in the byte alphabet a character outside stands for itself. Never longer than the name.
void append_decoded(VocabularyKind kind, std::string_view name, std::vector<char>& text) {
  if (kind == VocabularyKind::kRwkv) {
    const std::string bytes = unescape_rwkv(name);
    text.insert(text.end(), bytes.begin(), bytes.end());
    return;
  }
  while (!name.empty()) {
    const Utf8Unit unit = first_unit(name);
    const std::string_view part = name.substr(0, unit.length);
    std::optional<uint8_t> byte;
    if (kind == VocabularyKind::kByteLevel) {
      if (unit.state == Utf8State::kValid) byte = alphabet_to_byte(unit.code_point);
    } else if (kind != VocabularyKind::kPlamo && part == kSpaceMark) {
      byte = static_cast<uint8_t>(' ');
    }
    if (byte) {
      text.push_back(static_cast<char>(*byte));
    } else {
      text.insert(text.end(), part.begin(), part.end());
    }
    name.remove_prefix(unit.length);
  }
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string byte_name(uint8_t byte) {
  constexpr char kHex[] = "0123456789ABCDEF";
  return {'<', '0', 'x', kHex[byte >> 4], kHex[byte & 15], '>'};
}

std::string unescape_rwkv(std::string_view name) {
  std::string bytes;
  for (size_t i = 0; i < name.size(); ++i) {
    const auto next = [&](size_t k) { return i + k < name.size() ? name[i + k] : '\0'; };
    if (name[i] != '\\' || i + 1 == name.size()) {
      bytes.push_back(name[i]);
      continue;
    }
    const char escape = next(1);
    const int high = hex_digit(next(2)), low = hex_digit(next(3));
    if (escape == 'x' && high >= 0 && low >= 0) {
      bytes.push_back(static_cast<char>(high * 16 + low));
      i += 3;
      continue;
    }
    bytes.push_back(escape == 't' ? '\t' : escape == 'n' ? '\n' : escape == 'r' ? '\r' : escape);
    ++i;
  }
  return bytes;
}

std::optional<uint8_t> byte_of_name(std::string_view name) {
  if (name.size() != 6 || name.substr(0, 3) != "<0x" || name[5] != '>') return std::nullopt;
  const int high = hex_digit(name[3]);
  const int low = hex_digit(name[4]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<uint8_t>(high * 16 + low);
}

Result<std::unique_ptr<const TokenTable>> TokenTable::create(VocabularyKind kind, TokenizerData& data) {
  std::unique_ptr<TokenTable> table(new TokenTable());
  table->kind_ = kind;
  PUMICE_TRY(table->take(data));
  table->read_ids(data);
  table->mark_known_names();
  table->mark_special(data);
  table->mark_stripping(data);
  table->decode_bytes();
  return std::unique_ptr<const TokenTable>(std::move(table));
}

Result<void> TokenTable::take(TokenizerData& data) {
  const size_t count = data.tokens.size();
  if (count == 0) return error(Status::kMalformed, "tokenizer.ggml.tokens is empty; convert the model again");
  if (count > kMaxTokens) {
    return error(Status::kMalformed, "tokenizer.ggml.tokens has %zu tokens; at most %zu are accepted", count,
                 kMaxTokens);
  }
  // Longer arrays are tolerated because converters have padded them; what lies beyond the last token is ignored.
  if (!data.scores.empty() && data.scores.size() < count) {
    return error(Status::kMalformed, "tokenizer.ggml.scores has %zu values for %zu tokens", data.scores.size(), count);
  }
  if (!data.token_types.empty() && data.token_types.size() < count) {
    return error(Status::kMalformed, "tokenizer.ggml.token_type has %zu values for %zu tokens", data.token_types.size(),
                 count);
  }
  scores_ = std::move(data.scores);
  for (float& score : scores_) {
    if (std::isnan(score)) score = -std::numeric_limits<float>::infinity();
  }
  PUMICE_TRY(take_names(data.tokens));
  types_.assign(count, TokenType::kNormal);
  ends_generation_.assign(count, false);
  for (size_t i = 0; i < count && !data.token_types.empty(); ++i) {
    const int32_t type = data.token_types[i];
    const bool known =
        type >= static_cast<int32_t>(TokenType::kNormal) && type <= static_cast<int32_t>(TokenType::kByte);
    types_[i] = known ? static_cast<TokenType>(type) : TokenType::kUndefined;
  }
  return {};
}

Result<void> TokenTable::take_names(const std::vector<std::string_view>& names) {
  size_t bytes = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].size() > kMaxNameBytes) {
      return error(Status::kMalformed, "token %zu has %zu bytes; at most %zu are accepted", i, names[i].size(),
                   kMaxNameBytes);
    }
    longest_name_ = std::max(longest_name_, names[i].size());
    bytes += names[i].size();
  }
  if (bytes > StringTable::kMaxBytes) {
    return error(Status::kMalformed, "tokenizer.ggml.tokens has %zu bytes; at most %zu are accepted", bytes,
                 StringTable::kMaxBytes);
  }
  names_.reserve(names.size(), bytes);
  for (const std::string_view name : names) names_.add(name);
  return {};
}

void TokenTable::read_ids(TokenizerData& data) {
  const auto in_range = [&](std::optional<int64_t> id) -> std::optional<int32_t> {
    if (!id || *id < 0 || *id >= size()) return std::nullopt;
    return static_cast<int32_t>(*id);
  };
  // -1 and its 32 bits are how savers write "none".
  const auto pick = [&](const char* key, std::optional<int64_t> id, int64_t otherwise = -1) {
    const auto stated = in_range(id);
    if (id && !stated && *id != -1 && *id != UINT32_MAX)
      data.warnings.push_back("tokenizer.ggml." + std::string(key) + " is " + std::to_string(*id) +
                              ", outside the vocabulary of " + std::to_string(size()) + ", and is ignored");
    return stated ? stated : in_range(otherwise);
  };
  const DefaultIds otherwise = default_ids(kind_, data.model);
  bos = pick("bos_token_id", data.bos, otherwise.bos);
  eos = pick("eos_token_id", data.eos, otherwise.eos);
  unk = pick("unknown_token_id", data.unk, otherwise.unk);
  sep = pick("seperator_token_id", data.sep, otherwise.sep);
  pad = pick("padding_token_id", data.pad, otherwise.pad);
  eot = pick("eot_token_id", data.eot);
  eom = pick("eom_token_id", data.eom);
}

void TokenTable::mark_known_names() {
  const auto set_type = [&](int32_t id, TokenType type) { types_[static_cast<size_t>(id)] = type; };
  const auto set_end = [&](int32_t id, bool end) { ends_generation_[static_cast<size_t>(id)] = end; };
  for (const std::string_view known : end_of_turn_names()) {
    if (!eot) eot = find(known);
  }
  if (!eom) eom = find(kEndOfMessage);
  for (const std::string_view known : fill_in_the_middle_names()) {
    if (const auto id = find(known)) set_type(*id, TokenType::kControl);
  }
  for (const std::string_view known : end_of_generation_names()) {
    if (const auto id = find(known)) {
      set_type(*id, TokenType::kControl);
      set_end(*id, true);
    }
  }
  for (const auto& id : {eos, eot, eom}) {
    if (id) set_end(*id, true);
  }
  for (const std::string_view known : shown_names()) {
    if (const auto id = find(known)) set_type(*id, TokenType::kUserDefined);
  }
  // Where <|return|> or <|flush|> ends the answer, <|end|> only ends one message of it.
  const bool calls = find("<|call|>") || find("<|calls|>");
  const auto end = find("<|end|>");
  if (end && calls && (find("<|return|>") || find("<|flush|>"))) {
    set_end(*end, false);
    set_type(*end, TokenType::kUserDefined);
    if (eot == end) eot.reset();
  }
  // Gemma 4 has this name of older vocabularies as a piece of HTML; <turn|> and <|tool_response> end its answers.
  const auto closing = find("</s>");
  if (closing && find("<|tool_response>") && closing != eos) {
    set_end(*closing, false);
    set_type(*closing, TokenType::kNormal);
  }
}

void TokenTable::mark_special(const TokenizerData& data) {
  special_.assign(names_.size(), false);
  for (size_t i = 0; i < names_.size(); ++i)
    special_[i] = types_[i] == TokenType::kControl || types_[i] == TokenType::kUnknown || is_control_name(names_[i]);
  // What the file itself gives such a part counts, too, unless it is a word that merely has to serve for padding.
  for (const auto& id : {data.bos, data.eos, data.eot, data.eom, data.pad}) {
    if (!id || *id < 0 || *id >= size()) continue;
    const std::string_view named = name(static_cast<int32_t>(*id));
    if (named.size() > 2 &&
        ((named.front() == '<' && named.back() == '>') || (named.front() == '[' && named.back() == ']')))
      special_[static_cast<size_t>(*id)] = true;
  }
}

// llama.cpp knows these models by such names, too; the files do not say it otherwise.
void TokenTable::mark_stripping(const TokenizerData& data) {
  strips_.assign(names_.size(), Strips::kNothing);
  const auto set = [&](std::optional<int32_t> id, Strips side) {
    if (id) strips_[static_cast<size_t>(*id)] = side;
  };
  for (const char* pre : {"jina-v2-de", "jina-v2-es", "jina-v2-code"})
    if (data.pre.find(pre) != std::string::npos) set(find("<mask>"), Strips::kBefore);
  if (!data.is_phi3) return;
  for (int32_t id = 0; id < size(); ++id)
    if (is_special(id) || type(id) == TokenType::kUserDefined) set(id, Strips::kAfter);
  set(find("</s>"), Strips::kAfter);
  for (const char* kept : {"<unk>", "<s>", "<|endoftext|>"}) set(find(kept), Strips::kNothing);
}

void TokenTable::decode_bytes() {
  bytes_ends_.reserve(names_.size());
  for (size_t i = 0; i < names_.size(); ++i) {
    const std::string_view name = names_[i];
    switch (types_[i]) {
      case TokenType::kNormal:
        append_decoded(kind_, name, bytes_);
        break;
      case TokenType::kByte:
        if (const auto byte = byte_of_name(name)) bytes_.push_back(static_cast<char>(*byte));
        break;
      case TokenType::kUserDefined:
        bytes_.insert(bytes_.end(), name.begin(), name.end());
        break;
      case TokenType::kUndefined:
      case TokenType::kUnknown:
      case TokenType::kControl:
      case TokenType::kUnused:
        break;
    }
    bytes_ends_.push_back(static_cast<uint32_t>(bytes_.size()));
  }
}

std::optional<int32_t> TokenTable::find(std::string_view name) const {
  const auto found = name.empty() ? std::nullopt : names_.find(name);
  if (!found) return std::nullopt;
  return static_cast<int32_t>(*found);
}

}  // namespace pumice
