// The prompt that a reranker without a classifier of pairs answers: a form of the model's file with the places {query}
// and {document}. What stands there may name control tokens; what is put in does not. Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/byte_range.h"

namespace pumice {

struct FilledForm {
  std::string text;
  std::vector<ByteRange> trusted;  // of the form itself
};
FilledForm fill_pair_form(std::string_view form, std::string_view query, std::string_view document);

}  // namespace pumice
