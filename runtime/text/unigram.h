// UnigramEncoder: SentencePiece's unigram encoding of a text that has no special tokens in it ("t5").
//
// The text is normalised (charsmap.h; spaces become U+2581, runs of them one where the vocabulary says so), then cut
// into the tokens whose scores have the greatest sum (Kudo 2018, arXiv 1804.10959), the one found first among equals. A
// character without a token costs the lowest score less 10; neighbours of that kind become one unknown token. A
// user-defined token scores 0 and is not normalised; bytes that are not UTF-8 become U+FFFD.
// Ownership: refers to the table, which must outlive it. Thread rule: immutable.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/charsmap.h"
#include "text/prefix_tree.h"
#include "text/token_table.h"

namespace pumice {

struct UnigramOptions {
  bool space_prefix = false;
  bool remove_spaces = false;  // at the ends of a text and all but one of a run
};

class UnigramEncoder {
 public:
  UnigramEncoder(const TokenTable& table, Charsmap charsmap, UnigramOptions options);

  // Appends the ids of the text. text: less than 1.4 GB.
  void encode(std::string_view text, std::vector<int32_t>& ids) const;

 private:
  std::string normalized(std::string_view text) const;
  // Bytes at the start of the text that are as in the beginning of a user-defined token.
  size_t user_defined(std::string_view text) const;

  const TokenTable* table_;
  Charsmap charsmap_;
  UnigramOptions options_;
  PrefixTree names_;
  PrefixTree user_defined_;
  double unknown_score_ = 0;
};

}  // namespace pumice
