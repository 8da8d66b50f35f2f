// Regular expressions as people write them (ECMA-262 and what other dialects share with it) → expressions.
//
// Known: alternation, groups (named, too), classes, . \d \w \s \D \W \S, \t \n \r \f \v \0 \cX \xHH \uHHHH \u{H},
//   \p{L N P S M} and \P, quantifiers (greedy or lazy: the language is the same), ^ and $, lookahead to the end of the
//   expression. Refused by name: back references, lookbehind, word boundaries, flags, anchors inside a repetition,
//   lookahead that something follows. \d and \w are ASCII; . is no line terminator. Case matters.
// Contract: the text is hostile; depth and length are bounded. Errors: kMalformed or kUnsupported, with the place.
#pragma once

#include <string_view>

#include "base/result.h"
#include "grammar/characters.h"

namespace pumice::grammar {

enum class Match : uint8_t {
  kSearch,  // matches somewhere in the text, as JSON Schema's pattern
  kWhole,   // the whole text
};

// The texts that match, in the characters' spelling.
Result<ExprId> pattern(Characters& characters, std::string_view text, Match match);

}  // namespace pumice::grammar
