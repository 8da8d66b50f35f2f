// Values as models write them in calls: with or without types, as JSON or as Python has them. Thread rule: pure
// functions.
#pragma once

#include <string>
#include <string_view>

#include "text/chat/syntax.h"
#include "text/chat/value.h"

namespace pumice::chat {

bool is_blank_at(std::string_view text, size_t at);  // ASCII white space
std::string_view without_blanks(std::string_view text);

Value made_dict(Dict dict);
Value made_list(Values items);  // none where it holds too much

// What stands for a name may hold an identity and a channel, too.
void name_and_id(std::string_view header, std::string* name, std::string* id);
// Some have arguments as text that is JSON itself.
void unwrap(Value* arguments);
// The type that the tools' schema gives an argument; empty where it says none.
std::string type_of(const Value& tools, const std::string& function, const std::string& key);
Result<ExprPtr> parse_python(std::string_view text);
// The value of an expression of literals, as Python and Jinja spell them.
Result<Value> literal(const Expr& expr);
// A value as text: by its type in the tools' schema; where that says nothing, as what it looks like.
Value typed_value(std::string_view text, const Value& tools, const std::string& function, const std::string& key);

}  // namespace pumice::chat
