// SpmEncoder: SentencePiece-style encoding of a text that has no special tokens in it.
//
// The text is cut into characters; of all adjacent pairs that form a token the one with the highest score merges first,
// the leftmost among equals, until none is left (Kudo and Richardson 2018, arXiv 1808.06226). A character without a
// token becomes its <0xNN> tokens, or the unknown token where the vocabulary lacks them. Ownership: refers to the
// table, which must outlive it. Thread rule: immutable.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "text/token_table.h"

namespace pumice {

class SpmEncoder {
 public:
  explicit SpmEncoder(const TokenTable& table);

  // Appends the ids of the text, with a space before it if asked. text: less than 1.4 GB.
  void encode(std::string_view text, bool space_prefix, std::vector<int32_t>& ids, EncodeWork* work = nullptr) const;

 private:
  struct Scratch;
  void encode_word(std::string_view word, Scratch& scratch, std::vector<int32_t>& ids) const;
  void merge(std::string_view word, Scratch& scratch) const;
  void append_bytes(std::string_view bytes, std::vector<int32_t>& ids) const;

  // The token of a piece of text; never a control, unknown or byte token, which SentencePiece keeps apart.
  std::optional<int32_t> piece(std::string_view text) const;

  const TokenTable* table_;
  std::array<int32_t, 256> byte_ids_;  // -1 where there is none
  bool tokens_span_words_ = false;     // a token has a space after another character
};

}  // namespace pumice
