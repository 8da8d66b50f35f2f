// ChatTemplate: a model's Jinja template, which turns messages into the text that the model goes on from.
//
// Contract: what transformers' apply_chat_template() gives, with bounds on steps, depth and output. Strings of
// messages, tools, documents and variables are marked as not the template's own (MarkedText), whatever the template
// does with them. Ownership: owns the parsed template. Thread rule: const methods on any number of threads.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "text/chat/evaluator.h"

namespace pumice::chat {

struct Conversation {
  Value messages;  // a list of dicts
  Value tools = None{}, documents = None{};
  Value variables = None{};  // a dict of further variables, or none
  bool add_generation_prompt = true;
  bool continue_final_message = false;  // the text ends inside the last message
  int64_t now = 0;                      // for strftime_now(): seconds since 1970 in the reader's zone
};

// Reads a conversation's parts, which JSON texts spell; empty texts are none. Nothing in them is trusted but the names
// of the usual roles.
struct ConversationTexts {
  std::string_view messages, tools = {}, documents = {}, variables = {};
};
Result<Conversation> read_conversation(const ConversationTexts& texts);
// The same of values that are parsed already.
Result<Conversation> make_conversation(Value messages, Value tools, Value documents, Value variables);

struct SpecialNames {
  std::string bos, eos;  // empty: the template finds none
};

class ChatTemplate {
 public:
  // kMalformed names the line and what is wrong with it; kUnsupported what is not known.
  static Result<ChatTemplate> parse(std::string source);

  // kInvalidArgument with the template's own words where it calls raise_exception().
  Result<MarkedText> render(const Conversation& conversation, const SpecialNames& names,
                            const RenderLimits& limits = {}) const;
  const std::string& source() const { return source_; }
  // Whether the source uses a variable of this name, such as "enable_thinking".
  bool mentions(std::string_view name) const { return source_.find(name) != std::string::npos; }

 private:
  ChatTemplate(std::string source, Body body) : source_(std::move(source)), body_(std::move(body)) {}
  Result<MarkedText> render_once(const Conversation& conversation, const SpecialNames& names,
                                 const RenderLimits& limits, bool& raised) const;

  std::string source_;
  Body body_;
};

}  // namespace pumice::chat
