// RwkvEncoder: the longest token again and again, from left to right ("rwkv"), of a text without special tokens.
//
// A byte that no token begins with becomes the unknown token, or nothing where the vocabulary has none. Ownership:
// refers to the table only in the constructor. Thread rule: immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "text/prefix_tree.h"
#include "text/token_table.h"

namespace pumice {

class RwkvEncoder {
 public:
  explicit RwkvEncoder(const TokenTable& table);

  // Appends the ids of the text.
  void encode(std::string_view text, std::vector<int32_t>& ids) const;

 private:
  PrefixTree tokens_;  // by their bytes
  std::optional<int32_t> unknown_;
};

}  // namespace pumice
