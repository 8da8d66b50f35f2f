// Vocabularies small enough to reason about, and random bytes, for the tests of runtime/text.
#pragma once

#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer_data.h"
#include "text/unicode.h"

namespace pumice::testing {

// A copy that stays: the data are views.
inline std::string_view kept(std::string text) {
  static std::deque<std::string> texts;
  return texts.emplace_back(std::move(text));
}

inline void add_token(TokenizerData& data, std::string name, TokenType type = TokenType::kNormal, float score = 0) {
  data.tokens.push_back(kept(std::move(name)));
  data.token_types.push_back(static_cast<int32_t>(type));
  data.scores.push_back(score);
}

// Ids 0 to 2: <unk>, <s>, </s>; 3 to 258: the bytes.
inline TokenizerData sentencepiece_base() {
  TokenizerData data;
  data.model = "llama";
  add_token(data, "<unk>", TokenType::kUnknown);
  add_token(data, "<s>", TokenType::kControl);
  add_token(data, "</s>", TokenType::kControl);
  for (int byte = 0; byte < 256; ++byte) {
    constexpr char kHex[] = "0123456789ABCDEF";
    add_token(data, {'<', '0', 'x', kHex[byte >> 4], kHex[byte & 15], '>'}, TokenType::kByte);
  }
  return data;
}

inline std::string in_alphabet(std::string_view bytes) {
  std::string name;
  for (const char c : bytes) append_utf8(name, byte_to_alphabet(static_cast<uint8_t>(c)));
  return name;
}

// Ids 0 to 255: the bytes.
inline TokenizerData byte_level_base(std::string pre = "gpt-2") {
  TokenizerData data;
  data.model = "gpt2";
  data.pre = std::move(pre);
  for (int byte = 0; byte < 256; ++byte) add_token(data, in_alphabet(std::string(1, static_cast<char>(byte))));
  return data;
}

// A merge and the token it makes; returns the token's id.
inline int32_t add_merge(TokenizerData& data, std::string_view left, std::string_view right) {
  data.merges.push_back(kept(in_alphabet(left) + " " + in_alphabet(right)));
  add_token(data, in_alphabet(left) + in_alphabet(right));
  return static_cast<int32_t>(data.tokens.size()) - 1;
}

inline std::string random_bytes(std::mt19937& random, size_t max_size) {
  std::string bytes(std::uniform_int_distribution<size_t>(0, max_size)(random), '\0');
  for (char& c : bytes) c = static_cast<char>(random() & 0xFF);
  return bytes;
}

// Pieces that pre-tokenizers and UTF-8 decoders care about, in random order.
inline std::string random_text(std::mt19937& random, size_t max_pieces) {
  static const std::vector<std::string> kPieces = {
      "a",      "b",      "Z",      "hello",  "World",  "'s",     "'LL",    "'",  " ",      "  ", "\n", "\r\n",
      "\t",     "\v",     "1",      "23",     "4567",   ".",      "!!",     "?",  "$",      "+",  "`",  "~^",
      "<|",     "/",      "_",      "(",      "é",      "É",      "ß",      "中", "国",     "あ", "カ", "가",
      "١",      "Ⅷ",      "½",      "。",     "，",     "“",      "’",      "…",  "\u0301", "№",  "😀", "\u3000",
      "\u00A0", "\u200D", "\u2028", "\u0085", "\u00AD", "\uE000", "\u0378", "ა",  "ǅ",      "ʰ",  "ª",  "𝐀"};
  std::string text;
  const size_t count = std::uniform_int_distribution<size_t>(0, max_pieces)(random);
  for (size_t i = 0; i < count; ++i) text += kPieces[random() % kPieces.size()];
  return text;
}

}  // namespace pumice::testing
