#include "text/chat/tool_calls.h"

#include <algorithm>

#include "text/chat/json.h"
#include "text/chat/loose_values.h"
#include "text/chat/python.h"

namespace pumice::chat {
namespace {

// Reads parts of a call from a text; what is missing at its end is kCut.
class CallReader {
 public:
  CallReader(const CallFormat& format, std::string_view text, bool final, const Value& tools)
      : format_(format), text_(text), final_(final), tools_(tools) {}

  ReadCalls read() {
    CallState state = CallState::kWrong;
    switch (format_.shape) {
      case CallShape::kJson:
        state = json_calls();
        break;
      case CallShape::kNamed:
        state = named();
        break;
      case CallShape::kTagged:
        state = tagged();
        break;
      case CallShape::kNested:
        state = nested();
        break;
      case CallShape::kPython:
        state = python();
        break;
      case CallShape::kPairs:
        state = pairs_call();
        break;
    }
    if (state == CallState::kWhole && calls_.empty()) state = CallState::kWrong;
    return {state, at_, std::move(calls_)};
  }

 private:
  std::string_view rest() const { return text_.substr(at_); }
  void skip_blanks() {
    while (is_blank_at(text_, at_)) ++at_;
  }

  // kWhole: taken; kCut: it may still come.
  CallState take(std::string_view mark) {
    if (rest().starts_with(mark)) {
      at_ += mark.size();
      return CallState::kWhole;
    }
    return mark.starts_with(rest()) ? CallState::kCut : CallState::kWrong;
  }

  // Up to a mark, which is taken, too.
  CallState take_until(std::string_view mark, std::string_view* before) {
    const size_t found = text_.find(mark, at_);
    if (found == std::string_view::npos) return CallState::kCut;
    *before = text_.substr(at_, found - at_);
    at_ = found + mark.size();
    return CallState::kWhole;
  }

  // The format's end, of which a reply may lack all at its own end.
  CallState end() {
    skip_blanks();
    const CallState state = take(format_.end);
    return state == CallState::kCut && final_ && rest().empty() ? CallState::kWhole : state;
  }

  CallState json_value(Value* value) {
    skip_blanks();
    JsonStart start = parse_json_start(rest());
    if (start.length == 0) return start.cut ? CallState::kCut : CallState::kWrong;
    at_ += start.length;
    *value = std::move(start.value);
    return CallState::kWhole;
  }

  // An object that spells a call: {"name", "arguments"} under whichever names, or {NAME: arguments}.
  bool add_object(const Value& object) {
    const Dict* dict = object.dict();
    if (!dict) return false;
    ToolCall call;
    call.arguments = made_dict({});
    bool named = false;
    for (const auto& [key, value] : dict->entries()) {
      const std::string name = str(key).bytes();
      if ((name == "name" || name == "tool_name") && value.text()) {
        call.name = value.text()->bytes();
        named = true;
      } else if (name == "arguments" || name == "parameters" || name == "args") {
        call.arguments = value;
      } else if (name == "id" || name == "tool_call_id") {
        call.id = str(value).bytes();
      }
    }
    if (!named && dict->size() == 1) {
      call.name = str(dict->entries()[0].first).bytes();
      call.arguments = dict->entries()[0].second;
      unwrap(&call.arguments);
      named = call.arguments.dict() != nullptr;
    }
    unwrap(&call.arguments);
    if (named) calls_.push_back(std::move(call));
    return named;
  }

  bool add_json(const Value& value) {
    if (!value.items()) return add_object(value);
    return std::all_of(value.items()->begin(), value.items()->end(), [&](const Value& one) { return add_object(one); });
  }

  CallState json_calls() {
    do {
      Value value;
      if (const CallState state = json_value(&value); state != CallState::kWhole) return state;
      if (!add_json(value)) return CallState::kWrong;
      skip_blanks();
      while (rest().starts_with(",") || rest().starts_with(";")) ++at_, skip_blanks();
    } while (rest().starts_with("{") || rest().starts_with("["));
    return end();
  }

  CallState named() {
    if (without_blanks(rest()).starts_with("[{")) return json_calls();  // a list instead of a name
    std::string_view header;
    CallState state = take_until(format_.name_end, &header);
    // A name is short and of one line.
    const std::string_view so_far = state == CallState::kWhole ? header : rest();
    if (so_far.size() > 512 || without_blanks(so_far).find('\n') != std::string_view::npos) return CallState::kWrong;
    if (state != CallState::kWhole) return state;
    ToolCall call;
    name_and_id(header, &call.name, &call.id);
    bool fenced = false;
    if (call.name == "function" && *format_.end && !rest().starts_with("{")) {  // function SEPARATOR name, ```json
      if ((state = take_until("\n", &header)) != CallState::kWhole) return state;
      call.name = without_blanks(header);
      if ((state = take("```json")) != CallState::kWhole) return state;
      fenced = true;
    }
    if (call.name.empty()) return CallState::kWrong;
    if ((state = json_value(&call.arguments)) != CallState::kWhole) return state;
    unwrap(&call.arguments);
    if (!call.arguments.dict()) return CallState::kWrong;
    skip_blanks();
    if (fenced && (state = take("```")) != CallState::kWhole) return state;
    calls_.push_back(std::move(call));
    return end();
  }

  CallState tag_name(std::string* name) {
    std::string_view text, attributes;
    if (!*format_.name_end) {  // up to the line's end or the next tag
      const size_t stop = text_.find_first_of("\n<", at_);
      if (stop == std::string_view::npos) return CallState::kCut;
      text = text_.substr(at_, stop - at_);
      at_ = stop;
    } else if (const CallState state = take_until(format_.name_end, &text); state != CallState::kWhole) {
      return state;
    }
    *name = without_blanks(text);
    if (name->empty() || name->find('\n') != std::string::npos) return CallState::kWrong;
    return *format_.name_tag_end ? take_until(format_.name_tag_end, &attributes) : CallState::kWhole;
  }

  // JSON may have the mark of its end in its texts. kWrong: it is none, or more stands behind it.
  CallState json_argument(Value* value) {
    const size_t begin = at_;
    CallState state = json_value(value);
    skip_blanks();
    if (state == CallState::kWhole) state = take(format_.value_end);
    if (state == CallState::kCut && !final_) return state;
    if (state != CallState::kWhole) at_ = begin;
    return state == CallState::kCut ? CallState::kWrong : state;
  }

  CallState argument(const std::string& function, Dict* to) {
    std::string_view key, attributes, value;
    CallState state = take_until(format_.key_end, &key);
    if (state == CallState::kWhole && *format_.key_tag_end) state = take_until(format_.key_tag_end, &attributes);
    if (state != CallState::kWhole) return state;
    const std::string name(without_blanks(key));
    const auto says = [&](std::string_view what) { return attributes.find(what) != std::string_view::npos; };
    const bool is_text = says("string=\"true\"") || says("type=\"string\"");
    const Value types = says("string=\"false\"") || says("type=\"") ? Value(None{}) : tools_;
    if (Value json; !is_text && type_of(types, function, name) != "string") {
      if ((state = json_argument(&json)) == CallState::kWhole) to->set(text_value(name), std::move(json));
      if (state != CallState::kWrong) return state;
    }
    static constexpr std::string_view kVerbatim = "<![CDATA[";
    const bool verbatim = take(kVerbatim) == CallState::kWhole;
    if (verbatim && (state = take_until("]]>", &value)) != CallState::kWhole) return state;
    std::string_view behind;
    state = take_until(format_.value_end, verbatim ? &behind : &value);
    if (state != CallState::kWhole) return state;
    if (verbatim) {
      to->set(text_value(name), text_value(std::string(value)));
      return state;
    }
    if (value.starts_with("\n")) value.remove_prefix(1);
    if (value.ends_with("\n")) value.remove_suffix(1);
    to->set(text_value(name), is_text ? text_value(std::string(value)) : typed_value(value, types, function, name));
    return CallState::kWhole;
  }

  CallState tagged() {
    ToolCall call;
    CallState state = tag_name(&call.name);
    Dict arguments;
    while (state == CallState::kWhole) {
      skip_blanks();
      const CallState json = *format_.json_begin ? take(format_.json_begin) : CallState::kWrong;
      if (json == CallState::kCut) return json;
      if (json == CallState::kWhole) {
        Value whole;
        if ((state = json_value(&whole)) == CallState::kWhole) state = take(format_.json_end);
        if (const Dict* dict = whole.dict()) arguments = *dict;
        continue;
      }
      if ((state = take(format_.key_begin)) != CallState::kWhole) break;
      state = argument(call.name, &arguments);
    }
    if (state != CallState::kWrong) {
      // Either a further argument or the end may come.
      if (take(format_.end) != CallState::kWhole) return CallState::kCut;
    } else if ((state = end()) != CallState::kWhole) {
      return state;
    }
    call.arguments = made_dict(std::move(arguments));
    calls_.push_back(std::move(call));
    return CallState::kWhole;
  }

  // <k>value</k>, where a value is text, or items, or further members; behind <k>.
  CallState nested_value(const std::string& tag, const std::string& function, uint32_t depth, Value* value) {
    const std::string open = format_.key_begin, close = open + "/" + tag + ">";
    const size_t begin = at_;
    if (depth > 32) return CallState::kWrong;
    skip_blanks();
    CallState state = take(close);
    if (state != CallState::kWrong) {
      *value = type_of(tools_, function, tag) == "string" && depth == 1 ? text_value("") : Value(None{});
      return state;
    }
    if ((state = take(open)) == CallState::kCut) return state;
    if (state == CallState::kWhole) return nested_members(close, function, depth, value);
    std::string_view text;
    at_ = begin;
    if ((state = take_until(close, &text)) != CallState::kWhole) return state;
    *value = typed_value(text, depth == 1 ? tools_ : Value(None{}), function, tag);
    return CallState::kWhole;
  }

  // Behind the first member's opening mark.
  CallState nested_members(const std::string& close, const std::string& function, uint32_t depth, Value* value) {
    Values items;
    Dict members;
    CallState state = CallState::kWhole;
    while (true) {
      std::string_view key;
      Value inner;
      if ((state = take_until(">", &key)) != CallState::kWhole) return state;
      if ((state = nested_value(std::string(key), function, depth + 1, &inner)) != CallState::kWhole) return state;
      if (key == "item")
        items.push_back(std::move(inner));
      else
        members.set(text_value(std::string(key)), std::move(inner));
      skip_blanks();
      if ((state = take(close)) != CallState::kWrong) break;
      if ((state = take(format_.key_begin)) != CallState::kWhole) return state;
    }
    *value = items.empty() ? made_dict(std::move(members)) : made_list(std::move(items));
    return state;
  }

  CallState nested() {
    ToolCall call;
    CallState state = tag_name(&call.name);
    Dict arguments;
    while (state == CallState::kWhole) {
      skip_blanks();
      if ((state = take(format_.end)) != CallState::kWrong) break;
      if ((state = take(format_.key_begin)) != CallState::kWhole) break;
      std::string_view key;
      Value value;
      if ((state = take_until(">", &key)) != CallState::kWhole) break;
      if ((state = nested_value(std::string(key), call.name, 1, &value)) != CallState::kWhole) break;
      arguments.set(text_value(std::string(key)), std::move(value));
      state = CallState::kWhole;
    }
    if (state != CallState::kWhole) return state;
    call.arguments = made_dict(std::move(arguments));
    calls_.push_back(std::move(call));
    return CallState::kWhole;
  }

  CallState python() {
    std::string_view text;
    const CallState state = take_until(format_.end, &text);
    if (state != CallState::kWhole) return state;
    const Result<ExprPtr> parsed = parse_python(text);
    if (!parsed || (*parsed)->kind != ExprKind::kList) return CallState::kWrong;
    for (const ExprPtr& part : (*parsed)->parts) {
      if (part->kind != ExprKind::kCall || part->parts[0]->kind != ExprKind::kName) return CallState::kWrong;
      Dict arguments;
      for (const Argument& one : part->arguments) {
        Result<Value> value = literal(*one.value);
        if (!value || one.name.empty()) return CallState::kWrong;
        arguments.set(text_value(one.name), std::move(*value));
      }
      calls_.push_back({"", part->parts[0]->name, made_dict(std::move(arguments))});
    }
    return CallState::kWhole;
  }

  // key:value, … up to the bracket that closes, which is taken.
  CallState pairs(uint32_t depth, Value* value) {
    static constexpr std::string_view kQuote = "<|\"|>";
    if (depth > 32) return CallState::kWrong;
    std::string_view text;
    skip_blanks();
    if (rest().empty() || (rest().size() < kQuote.size() && kQuote.starts_with(rest()))) return CallState::kCut;
    if (take(kQuote) == CallState::kWhole) {
      const CallState state = take_until(kQuote, &text);
      *value = text_value(std::string(text));
      return state;
    }
    const char open = text_[at_];
    if (open != '{' && open != '[') {
      const size_t stop = text_.find_first_of(",]}", at_);
      if (stop == std::string_view::npos) return CallState::kCut;
      *value = typed_value(without_blanks(text_.substr(at_, stop - at_)), Value(None{}), "", "");
      at_ = stop;
      return CallState::kWhole;
    }
    ++at_;
    Dict dict;
    Values items;
    while (true) {
      skip_blanks();
      if (rest().empty()) return CallState::kCut;
      if (text_[at_] == (open == '{' ? '}' : ']')) break;
      const size_t before = at_;
      Value inner;
      if (open == '{') {
        const bool quoted = take(kQuote) == CallState::kWhole;
        CallState state = take_until(quoted ? kQuote : ":", &text);
        if (quoted && state == CallState::kWhole) state = take(":");
        if (state != CallState::kWhole) return state;
      }
      const std::string key(without_blanks(text));
      if (const CallState state = pairs(depth + 1, &inner); state != CallState::kWhole) return state;
      if (open == '{')
        dict.set(text_value(key), std::move(inner));
      else
        items.push_back(std::move(inner));
      skip_blanks();
      if (rest().starts_with(",")) ++at_;
      if (at_ == before) return CallState::kWrong;  // a bracket that closes another kind
    }
    ++at_;
    *value = open == '{' ? made_dict(std::move(dict)) : made_list(std::move(items));
    return CallState::kWhole;
  }

  CallState pairs_call() {
    const size_t stop = text_.find('{', at_);
    if (stop == std::string_view::npos) return CallState::kCut;
    ToolCall call;
    call.name = without_blanks(text_.substr(at_, stop - at_));
    at_ = stop;
    const bool doubled = rest().starts_with("{{");  // around arguments that are JSON already
    if (doubled) ++at_;
    const CallState state = doubled ? json_value(&call.arguments) : pairs(0, &call.arguments);
    if (state != CallState::kWhole) return state;
    if (doubled && take("}") != CallState::kWhole) return rest().empty() ? CallState::kCut : CallState::kWrong;
    calls_.push_back(std::move(call));
    return end();
  }

  const CallFormat& format_;
  std::string_view text_;
  bool final_;
  const Value& tools_;
  size_t at_ = 0;
  std::vector<ToolCall> calls_;
};

}  // namespace

ReadCalls read_calls(const CallFormat& format, std::string_view text, bool final, const Value& tools) {
  return CallReader(format, text, final, tools).read();
}

}  // namespace pumice::chat
