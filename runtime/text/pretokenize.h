// PreTokenizer: cuts a text into the words inside which byte-level BPE merges.
//
// Each named pre-tokenizer is a list of rules; a rule stands for one regular expression and cuts every piece that the
// rules before it left. The expressions are those that llama.cpp runs for the value of tokenizer.ggml.pre; they are
// matched by hand because they need one look at each character, which no backtracking engine guarantees.
// A byte that is not part of valid UTF-8 is one unit of class symbol, as U+FFFD is.
// Thread rule: immutable; const methods may run on any number of threads.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pumice {

// A text as characters: parallel arrays, one element per unit, and one more offset for the end.
struct TextUnits {
  std::vector<uint32_t> code_points;
  std::vector<uint8_t> classes;   // CharClass bits
  std::vector<uint32_t> offsets;  // bytes from the start of the text

  size_t size() const { return code_points.size(); }
};

// text: less than 4 GiB.
TextUnits decode_units(std::string_view text);

// Cuts the piece [begin, end) of units: appends the end of each part, the last one being `end`.
using SplitRule = void (*)(const TextUnits& units, size_t begin, size_t end, std::vector<size_t>& ends);

class PreTokenizer {
 public:
  // What a pre-tokenizer's name says of the encoder beside where words end.
  struct Traits {
    bool ignores_merges = false;  // a word that is a token needs no merges
    bool adds_bos = false;        // where the file does not say
    bool forces_bos = false;      // whatever the file says
    bool characters = false;      // names are UTF-8 as it is and characters merge, not the bytes of a byte alphabet
    bool escapes_spaces = false;  // U+2581 stands for a space
    bool whole_newlines = false;  // as ignores_merges, for words of newlines alone
    bool marks_words = false;     // a word without U+2581 at its start gets it, but for newlines
  };

  // kUnsupported, with the known names, for a name that is not known; "" is "default".
  static Result<PreTokenizer> create(std::string_view name);

  // The byte offsets at which the words of the text end. text: less than 4 GiB.
  std::vector<uint32_t> split(std::string_view text) const;

  const Traits& traits() const { return traits_; }

 private:
  PreTokenizer() = default;
  const SplitRule* rules_ = nullptr;  // static storage
  size_t rule_count_ = 0;
  Traits traits_;
};

}  // namespace pumice
