// Jinja's filters, and those that Hugging Face and llama.cpp add. Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "text/chat/evaluator.h"

namespace pumice::chat {

struct FilterCall {
  Evaluator& evaluator;
  const std::string& name;
  const Value& input;
  const CallArguments& arguments;

  const Value* get(size_t place, std::string_view argument) const { return arguments.get(place, argument); }
  bool flag(size_t place, std::string_view argument, bool otherwise) const;
  int64_t integer(size_t place, std::string_view argument, int64_t otherwise) const;
};

using Filter = Result<Value> (*)(const FilterCall& call);

// Null where the list has none of that name.
Filter text_filter(std::string_view name);
Filter list_filter(std::string_view name);
Filter value_filter(std::string_view name);
bool is_filter(std::string_view name);

// The value at a path "a.b.0" below the value, or at an integer.
Result<Value> value_at(Evaluator& evaluator, const Value& of, const Value& path);
// The text in lower case where it is one: what sorts and compares without regard to case.
Value folded(const Value& value);
MarkedText lower_case(const MarkedText& text);
MarkedText upper_case(const MarkedText& text);
MarkedText capitalized(const MarkedText& text);
MarkedText title_case(const MarkedText& text);
Result<MarkedText> replaced(Evaluator& evaluator, const MarkedText& text, const MarkedText& from, const MarkedText& to,
                            int64_t count);

}  // namespace pumice::chat
