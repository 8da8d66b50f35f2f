#include "text/chat/template.h"

#include <algorithm>

#include "text/chat/json.h"
#include "text/chat/parser.h"
#include "text/chat/python.h"

namespace pumice::chat {
namespace {

constexpr std::string_view kRoles[] = {
    "system",   "developer", "user",          "assistant",   "model",           "tool",
    "function", "ipython",   "tool_response", "observation", "latest_reminder", "environment"};
constexpr std::string_view kContinueTag = "CONTINUE_FINAL_MESSAGE_TAG ";

// Templates put roles into the names of control tokens; those that applications use may become part of one.
Value trusted_role(const Value& role) {
  const MarkedText* text = role.text();
  const bool usual = text && std::find(std::begin(kRoles), std::end(kRoles), text->view()) != std::end(kRoles);
  return usual ? Value(text->marked(true)) : role;
}

// Reasoning goes by two names; what is null is not there.
Result<Value> prepared(const Value& message) {
  const Dict* dict = message.dict();
  if (!dict) return error(Status::kInvalidArgument, "a message is %s and not an object", message.type_name());
  const Value* reasoning = nullptr;
  for (const char* name : {"reasoning_content", "thinking", "reasoning"}) {
    const Value* held = dict->find(std::string_view(name));
    if (!reasoning && held && !held->is_none()) reasoning = held;
  }
  Dict made;
  if (reasoning) made.set(text_value("thinking"), *reasoning);
  for (const auto& [key, value] : dict->entries()) {
    if (value.is_none()) continue;
    made.set(key, str(key).view() == "role" ? trusted_role(value) : value);
  }
  if (reasoning) made.set(text_value("reasoning_content"), *reasoning);
  return dict_value(std::move(made));
}

// A copy of the dict with one value replaced.
Result<Value> with_entry(const Dict& dict, const char* key, Value value) {
  Dict made = dict;
  made.set(text_value(key), std::move(value));
  return dict_value(std::move(made));
}

MarkedText with_tag(const MarkedText& text) {
  MarkedText tagged = text;
  tagged.append(kContinueTag, false);
  return tagged;
}

// The last message's text, which then ends with the tag.
Result<MarkedText> tag_last(Values& messages) {
  const Dict* last = messages.empty() ? nullptr : messages.back().dict();
  const Value* content = last ? last->find(std::string_view("content")) : nullptr;
  if (content && content->text()) {
    const MarkedText text = *content->text();
    PUMICE_ASSIGN(messages.back(), with_entry(*last, "content", Value(with_tag(text))));
    return text;
  }
  const Values* parts = content ? content->items() : nullptr;
  for (size_t i = parts ? parts->size() : 0; i-- > 0;) {
    const Dict* part = (*parts)[i].dict();
    const Value* text = part ? part->find(std::string_view("text")) : nullptr;
    if (!text || !text->text()) continue;
    const MarkedText held = *text->text();
    Values changed = *parts;
    PUMICE_ASSIGN(changed[i], with_entry(*part, "text", Value(with_tag(held))));
    PUMICE_ASSIGN(Value list, list_value(std::move(changed)));
    PUMICE_ASSIGN(messages.back(), with_entry(*last, "content", std::move(list)));
    return held;
  }
  return error(Status::kInvalidArgument, "the last message has no text that could be continued");
}

Result<MarkedText> cut_at_tag(const MarkedText& text, const MarkedText& last) {
  const std::string_view tag = kContinueTag.substr(0, kContinueTag.size() - 1);
  const size_t at = text.bytes().rfind(tag);
  const MarkedText wanted = stripped(last, Ends::kBoth, nullptr);
  if (at == std::string::npos || text.bytes().find(wanted.bytes()) == std::string::npos)
    return error(Status::kInvalidArgument, "the template does not show the last message, so it cannot be continued");
  const MarkedText before = text.substr(0, at);
  return text.view().substr(at).starts_with(kContinueTag) ? before : stripped(before, Ends::kRight, nullptr);
}

// Arguments that a message has as JSON text become what the text says.
Result<Value> with_parsed_arguments(const Value& call) {
  const Dict* dict = call.dict();
  const Value* function = dict ? dict->find(std::string_view("function")) : nullptr;
  if (function && function->dict()) {
    PUMICE_ASSIGN(Value inner, with_parsed_arguments(*function));
    return with_entry(*dict, "function", std::move(inner));
  }
  const Value* arguments = dict ? dict->find(std::string_view("arguments")) : nullptr;
  if (!arguments || !arguments->text()) return call;
  Result<Value> parsed = parse_json(arguments->text()->view(), false);
  if (!parsed || !parsed->dict()) return call;
  return with_entry(*dict, "arguments", std::move(*parsed));
}

// What templates stumble over, said as most of them expect it: contents that are there, arguments that are objects.
Result<Value> as_expected(const Value& message) {
  const Dict& dict = *message.dict();
  Value made = message;
  if (!dict.find(std::string_view("content"))) {
    PUMICE_ASSIGN(made, with_entry(dict, "content", text_value("")));
  }
  const Value* calls = dict.find(std::string_view("tool_calls"));
  if (!calls || !calls->items()) return made;
  Values changed;
  for (const Value& call : *calls->items()) {
    PUMICE_ASSIGN(Value parsed, with_parsed_arguments(call));
    changed.push_back(std::move(parsed));
  }
  PUMICE_ASSIGN(Value list, list_value(std::move(changed)));
  return with_entry(*made.dict(), "tool_calls", std::move(list));
}

}  // namespace

Result<Conversation> make_conversation(Value messages, Value tools, Value documents, Value variables) {
  if (!messages.items() || messages.items()->empty())
    return error(Status::kInvalidArgument, "messages are a list of at least one object");
  Values made;
  for (const Value& message : *messages.items()) {
    PUMICE_ASSIGN(Value ready, prepared(message));
    made.push_back(std::move(ready));
  }
  if (!variables.is_none() && !variables.dict()) return error(Status::kInvalidArgument, "variables are an object");
  Conversation conversation;
  PUMICE_ASSIGN(conversation.messages, list_value(std::move(made)));
  conversation.tools = std::move(tools);
  conversation.documents = std::move(documents);
  conversation.variables = std::move(variables);
  return conversation;
}

Result<Conversation> read_conversation(const ConversationTexts& texts) {
  Value parts[4] = {None{}, None{}, None{}, None{}};
  const std::pair<const char*, std::string_view> named[] = {{"messages", texts.messages},
                                                            {"tools", texts.tools},
                                                            {"documents", texts.documents},
                                                            {"variables", texts.variables}};
  for (size_t i = 0; i < 4; ++i) {
    if (named[i].second.empty()) continue;
    Result<Value> parsed = parse_json(named[i].second, false);
    if (!parsed) return error(Status::kInvalidArgument, "%s: %s", named[i].first, parsed.error().message.c_str());
    parts[i] = std::move(*parsed);
  }
  return make_conversation(parts[0], parts[1], parts[2], parts[3]);
}

Result<ChatTemplate> ChatTemplate::parse(std::string source) {
  PUMICE_ASSIGN(Body body, parse_template(source));
  return ChatTemplate(std::move(source), std::move(body));
}

Result<MarkedText> ChatTemplate::render_once(const Conversation& conversation, const SpecialNames& names,
                                             const RenderLimits& limits, bool& raised) const {
  Evaluator evaluator(limits, conversation.now);
  Values messages = *conversation.messages.items();
  MarkedText last;
  if (conversation.continue_final_message) {
    PUMICE_ASSIGN(last, tag_last(messages));
  }
  PUMICE_ASSIGN(Value list, list_value(std::move(messages)));
  evaluator.set("messages", std::move(list));
  evaluator.set("tools", conversation.tools);
  evaluator.set("documents", conversation.documents);
  evaluator.set("add_generation_prompt", Value(conversation.add_generation_prompt));
  if (!names.bos.empty()) evaluator.set("bos_token", text_value(names.bos));
  if (!names.eos.empty()) evaluator.set("eos_token", text_value(names.eos));
  if (const Dict* variables = conversation.variables.dict())
    for (const auto& [key, value] : variables->entries()) evaluator.set(str(key).bytes(), value);
  Result<MarkedText> text = evaluator.render(body_);
  raised = evaluator.raised();
  if (!text || !conversation.continue_final_message) return text;
  return cut_at_tag(*text, last);
}

Result<MarkedText> ChatTemplate::render(const Conversation& conversation, const SpecialNames& names,
                                        const RenderLimits& limits) const {
  bool raised = false;
  Result<MarkedText> text = render_once(conversation, names, limits, raised);
  if (text || raised || text.error().status != Status::kInvalidArgument) return text;
  Conversation expected = conversation;
  Values messages;
  for (const Value& message : *conversation.messages.items()) {
    PUMICE_ASSIGN(Value made, as_expected(message));
    messages.push_back(std::move(made));
  }
  PUMICE_ASSIGN(expected.messages, list_value(std::move(messages)));
  if (expected.tools.is_none()) {
    PUMICE_ASSIGN(expected.tools, list_value({}));
  }
  Result<MarkedText> again = render_once(expected, names, limits, raised);
  return again || raised ? again : text;
}

}  // namespace pumice::chat
