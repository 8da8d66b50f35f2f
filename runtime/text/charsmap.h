// Charsmap: SentencePiece's precompiled rules of normalisation: which bytes are replaced by which.
//
// The bytes are those of a model file and may be hostile: every index is checked, and a wrong one ends a match. Layout:
// a 32-bit size; so many bytes of a double array whose nodes are found by XOR (Kanda 2018, "Space- and Time-Efficient
// String Dictionaries"; darts-clone); then replacements, each ended by a zero byte. Ownership: owns a copy. Thread
// rule: immutable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pumice {

class Charsmap {
 public:
  Charsmap() = default;  // replaces nothing

  // kMalformed where the sizes do not fit together.
  static Result<Charsmap> create(std::span<const std::byte> bytes);

  struct Match {
    size_t length = 0;  // bytes of the text that are replaced; 0: none
    std::string_view replacement;
  };
  // The longest rule for the start of the text.
  Match longest(std::string_view text) const;

 private:
  uint32_t unit(uint32_t index) const { return index < units_.size() ? units_[index] : 0; }

  std::vector<uint32_t> units_;
  std::string replacements_;
};

}  // namespace pumice
