// SpecialTokens: finds the names of control, unknown and user-defined tokens in a text before it is tokenized.
//
// A longer name wins over a shorter one anywhere in the text; among equal lengths the lower id, then the leftmost
// place. User-defined names are found always, the others only where it is asked for. Names longer than kMaxBytes are
// not looked for, which bounds the work at kMaxBytes steps per byte of text.
//
// Ownership: refers to the table, which must outlive it. Thread rule: immutable.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "text/byte_range.h"
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
  // special: where in the text control and unknown tokens may be, each within one range; in order, apart.
  std::vector<TextFragment> partition(std::string_view text, std::span<const ByteRange> special) const;

 private:
  struct Match {
    uint32_t length = 0;
    int32_t id = -1;
  };
  // The longest name of at most `limit` bytes at the start of the text, of a special token at most `special_limit`;
  // length 0 where there is none.
  Match longest(std::string_view text, size_t limit, size_t special_limit) const;

  const TokenTable* table_;
  std::vector<int32_t> sorted_;  // ids in the order of their names
  std::vector<uint32_t> first_;  // [byte]: where the names that begin with it start in sorted_; 257 entries
};

}  // namespace pumice
