#include "text/chat/reply.h"

#include <algorithm>

#include "text/chat/json.h"
#include "text/chat/python.h"
#include "text/unicode.h"

namespace pumice::chat {
namespace {

constexpr size_t kEager = 256;  // a call of so few bytes is tried at every push

bool is_blank_byte(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

void append_member(std::string& json, const char* name, const std::string& value) {
  if (!json.empty()) json += ",";
  json += std::string("\"") + name + "\":" + value;
}

// JSON is UTF-8, which what a model writes need not be.
std::string json_of(std::string_view text) {
  std::string clean;
  while (!text.empty()) {
    const Utf8Unit unit = first_unit(text);
    clean += unit.state == Utf8State::kValid ? text.substr(0, unit.length) : kReplacementBytes;
    text.remove_prefix(unit.length);
  }
  return compact_json(text_value(std::move(clean)));
}

// Bytes at the end that may become a character.
size_t cut_character(std::string_view text) {
  constexpr size_t kLongest = 3;
  for (size_t n = std::min(kLongest, text.size()); n > 0; --n)
    if (first_unit(text.substr(text.size() - n)).state == Utf8State::kIncomplete &&
        first_unit(text.substr(text.size() - n)).length == n)
      return n;
  return 0;
}

std::string calls_json(const std::vector<ToolCall>& calls, size_t from) {
  std::string list;
  for (size_t i = from; i < calls.size(); ++i) {
    std::string call;
    if (!calls[i].id.empty()) append_member(call, "id", json_of(calls[i].id));
    append_member(call, "type", "\"function\"");
    append_member(call, "function",
                  "{\"name\":" + json_of(calls[i].name) + ",\"arguments\":" + compact_json(calls[i].arguments) + "}");
    list += (list.empty() ? "{" : ",{") + call + "}";
  }
  return "[" + list + "]";
}

}  // namespace

ReplyParser::ReplyParser(std::vector<Mark> marks, std::string_view prompt, Value tools)
    : marks_(std::move(marks)), tools_(std::move(tools)) {
  push(primer(prompt));
  message_ = {};
  spaces_.clear();
}

// The marks at the end of the prompt, with nothing but white space between them.
std::string_view ReplyParser::primer(std::string_view prompt) const {
  size_t begin = prompt.size();
  while (true) {
    std::string_view rest = prompt.substr(0, begin);
    while (!rest.empty() && is_blank_byte(rest.back())) rest.remove_suffix(1);
    size_t length = 0;
    for (const Mark& mark : marks_) {
      const bool may = mark.kind != MarkKind::kNothing && (mark.kind != MarkKind::kCall || begin == prompt.size());
      if (may && rest.ends_with(mark.text)) length = std::max(length, mark.text.size());
    }
    if (length == 0) return prompt.substr(begin);
    begin = rest.size() - length;
  }
}

bool ReplyParser::counts(const Mark& mark, size_t at) const {
  if (channel_ == MarkKind::kReasoning) return mark.ends_reasoning;
  if (channel_ != MarkKind::kContent) return true;
  // In the middle of content these are more likely what the content is about.
  const bool begins = mark.kind == MarkKind::kReasoning || (mark.kind == MarkKind::kContent && mark.ends_reasoning) ||
                      (mark.call && mark.call->at_start);
  return !begins || (message_.content.empty() && message_.calls.empty() &&
                     std::all_of(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(at), is_blank_byte));
}

const Mark* ReplyParser::next_mark(size_t* at) const {
  const Mark* best = nullptr;
  for (const Mark& mark : marks_) {
    const size_t found = pending_.find(mark.text, refused_ ? 1 : 0);
    if (found == std::string::npos || !counts(mark, found)) continue;
    if (best && (found > *at || (found == *at && mark.text.size() <= best->text.size()))) continue;
    best = &mark;
    *at = found;
  }
  return best;
}

// How many bytes at the end may be the beginning of a mark or of a character.
size_t ReplyParser::held_back() const {
  size_t held = cut_character(pending_);
  for (const Mark& mark : marks_) {
    for (size_t n = std::min(mark.text.size() - 1, pending_.size()); n > held; --n) {
      if ((refused_ && n == pending_.size()) || !counts(mark, pending_.size() - n)) continue;
      if (std::string_view(pending_).ends_with(std::string_view(mark.text).substr(0, n))) held = n;
    }
  }
  return held;
}

void ReplyParser::emit(std::string_view text) {
  if (channel_ != MarkKind::kContent && channel_ != MarkKind::kReasoning) return;
  std::string& to = channel_ == MarkKind::kContent ? message_.content : message_.reasoning;
  while (to.empty() && spaces_.empty() && !text.empty() && is_blank_byte(text.front())) text.remove_prefix(1);
  if (text.empty()) return;
  size_t end = text.size();
  while (end > 0 && is_blank_byte(text[end - 1])) --end;
  if (end > 0) {
    to += spaces_;
    to += text.substr(0, end);
    spaces_.clear();
  }
  spaces_ += text.substr(end);
}

void ReplyParser::enter(const Mark& mark) {
  if (mark.kind == MarkKind::kCall) {
    call_ = mark.call;
    mark_size_ = mark.call->keeps_begin ? 0 : mark.text.size();
    return;
  }
  pending_.erase(0, mark.text.size());
  spaces_.clear();
  channel_ = mark.kind;
}

bool ReplyParser::take_call(bool final) {
  ReadCalls read = read_calls(*call_, std::string_view(pending_).substr(mark_size_), final, tools_);
  if (read.state == CallState::kCut && !final) return false;
  if (read.state == CallState::kWhole) {
    pending_.erase(0, mark_size_ + read.length);
    spaces_.clear();
    for (ToolCall& call : read.calls) message_.calls.push_back(std::move(call));
    channel_ = *call_->wrap_end ? MarkKind::kNothing : MarkKind::kContent;
  } else {
    refused_ = true;
    if (channel_ != MarkKind::kReasoning) channel_ = MarkKind::kContent;  // better seen than lost
  }
  call_ = nullptr;
  return true;
}

bool ReplyParser::step(bool final) {
  if (call_) return take_call(final);
  size_t at = 0;
  const Mark* mark = next_mark(&at);
  const auto drop = [&](size_t bytes) {
    emit(std::string_view(pending_).substr(0, bytes));
    pending_.erase(0, bytes);
    if (bytes > 0) refused_ = false;
  };
  if (!mark) {
    drop(pending_.size() - (final ? 0 : held_back()));
    return false;
  }
  drop(at);
  const std::string_view rest = pending_;
  const bool may_be_longer = std::any_of(marks_.begin(), marks_.end(), [&](const Mark& other) {
    return counts(other, 0) && other.text.size() > rest.size() && other.text.starts_with(rest);
  });
  if (may_be_longer && !final) return false;
  enter(*mark);
  return true;
}

void ReplyParser::run(bool final) {
  while (step(final)) {
  }
}

void ReplyParser::push(std::string_view bytes) {
  pending_ += bytes;
  // Long calls are read when they may have ended.
  if (call_ && pending_.size() > kEager && bytes.find_first_of(">]}`") == std::string_view::npos) return;
  run(false);
}

void ReplyParser::finish() {
  run(true);
  spaces_.clear();
}

std::string message_json(const ReplyMessage& message) {
  std::string json;
  append_member(json, "role", "\"assistant\"");
  append_member(json, "content", json_of(message.content));
  if (!message.reasoning.empty()) append_member(json, "reasoning_content", json_of(message.reasoning));
  if (!message.calls.empty()) append_member(json, "tool_calls", calls_json(message.calls, 0));
  return "{" + json + "}";
}

std::string delta_json(const ReplyMessage& now, ReplySizes& before) {
  std::string json;
  const auto text = [&](const char* name, const std::string& whole, size_t& from) {
    if (whole.size() > from) append_member(json, name, json_of(std::string_view(whole).substr(from)));
    from = whole.size();
  };
  text("reasoning_content", now.reasoning, before.reasoning);
  text("content", now.content, before.content);
  if (now.calls.size() > before.calls) append_member(json, "tool_calls", calls_json(now.calls, before.calls));
  before.calls = now.calls.size();
  return json.empty() ? json : "{" + json + "}";
}

}  // namespace pumice::chat
