// SpecialTokens: finds the names of control, unknown and user-defined tokens in a text before it is tokenized.
//
// A longer name wins over a shorter one anywhere in the text; among equal lengths the lower id, then the leftmost
// place. User-defined names are found always, the others only on request. Names longer than kMaxBytes are not looked
// for, which bounds the work at kMaxBytes steps per byte of text.
//
// Ownership: refers to the table, which must outlive it. Thread rule: immutable.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/token_table.h"

namespace pumice {

struct TextFragment {
  std::string_view text;  // empty for a token
  int32_t id = -1;        // negative for text
};

class SpecialTokens {
 public:
  static constexpr size_t kMaxBytes = 256;

  explicit SpecialTokens(const TokenTable& table);

  // The text as tokens and the stretches between them, in order, without the whitespace that tokens strip.
  std::vector<TextFragment> partition(std::string_view text, bool parse_special) const;

 private:
  struct Match {
    uint32_t length = 0;
    int32_t id = -1;
  };
  // The longest name of at most `limit` bytes at the start of the text; length 0 where there is none.
  Match longest(std::string_view text, size_t limit, bool parse_special) const;

  const TokenTable* table_;
  std::vector<int32_t> sorted_;  // ids in the order of their names
  std::vector<uint32_t> first_;  // [byte]: where the names that begin with it start in sorted_; 257 entries
};

}  // namespace pumice
