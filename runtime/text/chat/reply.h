// ReplyParser: takes a model's reply apart as it comes: content, reasoning, calls of tools.
//
// What is certain is out at once; a beginning of a mark is held back until it is one or is not, and so is white space
// that may turn out to stand before one. White space at both ends of content and reasoning is left out. A call that is
// none after all is content. Ownership: refers to the template's marks' formats, which are static. Thread rule: one
// thread at a time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/chat/reply_formats.h"
#include "text/chat/tool_calls.h"

namespace pumice::chat {

struct ReplyMessage {
  std::string content, reasoning;
  std::vector<ToolCall> calls;
  bool has_reasoning = false;
};

class ReplyParser {
 public:
  // prompt: what the reply follows; its end may have begun reasoning. tools: those of the prompt, or none.
  ReplyParser(std::vector<Mark> marks, std::string_view prompt, Value tools);

  void push(std::string_view bytes);
  void finish();
  const ReplyMessage& message() const { return message_; }

 private:
  void run(bool final);
  bool step(bool final);
  bool take_call(bool final);
  void emit(std::string_view text);
  size_t held_back() const;
  const Mark* next_mark(size_t* at) const;
  bool counts(const Mark& mark, size_t at) const;  // at: in pending_
  void enter(const Mark& mark);
  std::string_view primer(std::string_view prompt) const;

  std::vector<Mark> marks_;
  Value tools_;
  MarkKind channel_ = MarkKind::kContent;
  const CallFormat* call_ = nullptr;  // that pending_ begins with, mark included
  size_t mark_size_ = 0;
  bool refused_ = false;  // the mark at the start of pending_ is none
  size_t retry_ = 0;      // bytes of pending_ below which a call is not tried again
  std::string pending_, spaces_;
  ReplyMessage message_;
};

// {"role": "assistant", "content", …}; of a delta without the role.
std::string message_json(const ReplyMessage& message);
// What `now` has beyond the sizes of `before`; empty where that is nothing.
struct ReplySizes {
  size_t content = 0, reasoning = 0, calls = 0;
};
std::string delta_json(const ReplyMessage& now, ReplySizes& before);

}  // namespace pumice::chat
