// Vocabularies that say only which bytes each word has: of byte-pair encoding whose pairs merge in the order of what
// they form, as Whisper's files have them. Thread rule: plain functions.
#pragma once

#include <deque>
#include <string>

#include "text/tokenizer_data.h"

namespace pumice {

// Makes of a vocabulary of the model "whisper" one of "gpt2": words in the byte alphabet, and the merges that lead to
// them. `data` refers to what is returned then. Control tokens keep their names.
std::deque<std::string> spell_ranked_words(TokenizerData& data);

}  // namespace pumice
