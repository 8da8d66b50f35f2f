// Sentences of a text, for models that know no more than one at a time.
//
// A line ends a sentence; within a line . ! ? … and their wide forms do, with the quotes and brackets that close behind
// them, where white space and then a capital, a digit, an opening quote or a letter without case follow; the wide forms
// at once. Not after a single letter or a few abbreviations. Every byte of the text is in exactly one segment.
// Thread rule: a pure function.
#pragma once

#include <string_view>
#include <vector>

namespace pumice {

struct Sentence {
  std::string_view text;   // to be translated; empty: white space alone
  std::string_view space;  // that follows it
};

std::vector<Sentence> split_sentences(std::string_view text);

}  // namespace pumice
