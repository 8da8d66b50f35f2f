// WordPieceEncoder: BERT's encoding of a text that has no special tokens in it.
//
// The text is normalised (controls dropped, accents and case too where the vocabulary says so) and cut into words at
// whitespace; punctuation marks, ASCII symbols and Chinese characters are words of their own. A word with U+2581 before
// it is cut into the longest names from left to right; where none fits the whole word is the unknown token (Wu et al.
// 2016, arXiv 1609.08144). Bytes that are not UTF-8 are dropped. Ownership: refers to the table only in the
// constructor. Thread rule: immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/prefix_tree.h"
#include "text/token_table.h"

namespace pumice {

class WordPieceEncoder {
 public:
  WordPieceEncoder(const TokenTable& table, bool lowercase, bool strip_accents);

  // Appends the ids of the text.
  void encode(std::string_view text, std::vector<int32_t>& ids) const;

 private:
  // Appends the ids of a word, which has a space mark before it, and leaves the mark alone.
  void flush(std::string& word, std::vector<int32_t>& ids) const;

  PrefixTree names_;
  std::optional<int32_t> unknown_;
  bool lowercase_;
  bool strip_accents_;
};

}  // namespace pumice
