#include "text/token_table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "text/unicode.h"

namespace pumice {
namespace {

// The names that end a turn, the likeliest first: the first that a vocabulary has is its end of turn.
constexpr std::string_view kEndOfTurn[] = {
    "<|eot_id|>", "<|im_end|>", "<|end|>",       "<end_of_turn>",   "<end_of_utterance>",   "<EOT>",
    "_<EOT>",     "[EOT]",      "<|endoftext|>", "<|end_of_text|>", "<｜end▁of▁sentence｜>"};

constexpr std::string_view kEndOfMessage = "<|eom_id|>";

// After any of these a model has nothing more to say; the second half are the tokens that part one file from the next
// in models trained on code.
constexpr std::string_view kEndOfGeneration[] = {"<|eot_id|>",
                                                 "<|im_end|>",
                                                 "<|end|>",
                                                 "<|return|>",
                                                 "<|call|>",
                                                 "<|calls|>",
                                                 "<|flush|>",
                                                 "<end_of_turn>",
                                                 "<|endoftext|>",
                                                 "</s>",
                                                 "<|eom_id|>",
                                                 "<EOT>",
                                                 "_<EOT>",
                                                 "[EOT]",
                                                 "[EOS]",
                                                 "<|end_of_text|>",
                                                 "<end_of_utterance>",
                                                 "<eos>",
                                                 "<turn|>",
                                                 "<|tool_response>",
                                                 "[e~[",
                                                 "<｜end▁of▁sentence｜>",
                                                 "<|fim_pad|>",
                                                 "<fim-pad>",
                                                 "<fim_pad>",
                                                 "<PAD>",
                                                 "[PAD]",
                                                 "<|fim_repo|>",
                                                 "<|repo_name|>",
                                                 "<fim-repo>",
                                                 "<REPO>",
                                                 "<reponame>",
                                                 "<|file_sep|>"};

// Tokens that structure a text within a turn in OpenAI's harmony format; a program that reads the answer needs them.
constexpr std::string_view kShown[] = {"<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"};

std::string with_spaces(std::string_view name) {
  constexpr std::string_view kMark = "\xE2\x96\x81";
  std::string text;
  text.reserve(name.size());
  for (size_t at = 0; at < name.size();) {
    if (name.substr(at, kMark.size()) == kMark) {
      text.push_back(' ');
      at += kMark.size();
    } else {
      text.push_back(name[at++]);
    }
  }
  return text;
}

// A character outside the alphabet stands for itself.
std::string from_alphabet(std::string_view name) {
  std::string text;
  text.reserve(name.size());
  while (!name.empty()) {
    const Utf8Unit unit = first_unit(name);
    const auto byte = unit.state == Utf8State::kValid ? alphabet_to_byte(unit.code_point) : std::nullopt;
    if (byte) {
      text.push_back(static_cast<char>(*byte));
    } else {
      text += name.substr(0, unit.length);
    }
    name.remove_prefix(unit.length);
  }
  return text;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

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
  names_ = std::move(data.tokens);
  scores_ = std::move(data.scores);
  for (float& score : scores_) {
    if (std::isnan(score)) score = -std::numeric_limits<float>::infinity();
  }
  types_.assign(count, TokenType::kNormal);
  ends_generation_.assign(count, false);
  index_.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    if (names_[i].size() > kMaxNameBytes) {
      return error(Status::kMalformed, "token %zu has %zu bytes; at most %zu are accepted", i, names_[i].size(),
                   kMaxNameBytes);
    }
    longest_name_ = std::max(longest_name_, names_[i].size());
    if (!names_[i].empty()) index_.emplace(names_[i], static_cast<int32_t>(i));
    if (data.token_types.empty()) continue;
    const int32_t type = data.token_types[i];
    const bool known =
        type >= static_cast<int32_t>(TokenType::kNormal) && type <= static_cast<int32_t>(TokenType::kByte);
    types_[i] = known ? static_cast<TokenType>(type) : TokenType::kUndefined;
  }
  return {};
}

void TokenTable::read_ids(const TokenizerData& data) {
  const auto in_range = [&](std::optional<int64_t> id) -> std::optional<int32_t> {
    if (!id || *id < 0 || *id >= size()) return std::nullopt;
    return static_cast<int32_t>(*id);
  };
  const auto pick = [&](std::optional<int64_t> id, std::optional<int64_t> otherwise) {
    const auto stated = in_range(id);
    return stated ? stated : in_range(otherwise);
  };
  const bool pieces = kind_ == VocabularyKind::kSentencePiece;
  bos = pick(data.bos, pieces ? 1 : 11);
  eos = pick(data.eos, pieces ? 2 : 11);
  unk = pick(data.unk, pieces ? std::optional<int64_t>(0) : std::nullopt);
  eot = in_range(data.eot);
  eom = in_range(data.eom);
  pad = in_range(data.pad);
}

void TokenTable::mark_known_names() {
  const auto set_type = [&](int32_t id, TokenType type) { types_[static_cast<size_t>(id)] = type; };
  const auto set_end = [&](int32_t id, bool end) { ends_generation_[static_cast<size_t>(id)] = end; };
  for (const std::string_view known : kEndOfTurn) {
    if (!eot) eot = find(known);
  }
  if (!eom) eom = find(kEndOfMessage);
  for (const std::string_view known : kEndOfGeneration) {
    if (const auto id = find(known)) {
      set_type(*id, TokenType::kControl);
      set_end(*id, true);
    }
  }
  for (const auto& id : {eos, eot, eom}) {
    if (id) set_end(*id, true);
  }
  for (const std::string_view known : kShown) {
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
}

void TokenTable::decode_bytes() {
  bytes_.resize(names_.size());
  for (size_t i = 0; i < names_.size(); ++i) {
    const std::string& name = names_[i];
    switch (types_[i]) {
      case TokenType::kNormal:
        bytes_[i] = kind_ == VocabularyKind::kSentencePiece ? with_spaces(name) : from_alphabet(name);
        break;
      case TokenType::kByte:
        if (const auto byte = byte_of_name(name)) bytes_[i].assign(1, static_cast<char>(*byte));
        break;
      case TokenType::kUserDefined:
        bytes_[i] = name;
        break;
      case TokenType::kUndefined:
      case TokenType::kUnknown:
      case TokenType::kControl:
      case TokenType::kUnused:
        break;
    }
  }
}

std::optional<int32_t> TokenTable::find(std::string_view name) const {
  const auto found = index_.find(name);
  if (found == index_.end()) return std::nullopt;
  return found->second;
}

}  // namespace pumice
