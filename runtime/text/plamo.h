// PlamoEncoder: PLaMo-2's encoding of a text that has no special tokens in it ("plamo2").
//
// The text is cut into the tokens whose scores have the greatest sum; among equals the longer token comes first. Scores
// count in steps of 0.0001; a character without a token costs 1000 and becomes the tokens of its bytes. A byte order
// mark at the start is dropped. Ownership: refers to the table, which must outlive it. Thread rule: immutable.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/prefix_tree.h"
#include "text/token_table.h"

namespace pumice {

class PlamoEncoder {
 public:
  // kMalformed where a byte has no token.
  static Result<PlamoEncoder> create(const TokenTable& table);

  // Appends the ids of the text. text: less than 2 GiB.
  void encode(std::string_view text, std::vector<int32_t>& ids) const;

 private:
  PrefixTree names_;
  std::vector<int32_t> costs_;  // by id
  std::array<int32_t, 256> byte_ids_{};
};

}  // namespace pumice
