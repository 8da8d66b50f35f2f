// Reads a call, or several, as models write them. Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/chat/reply_formats.h"

namespace pumice::chat {

struct ToolCall {
  std::string id, name;  // id: empty where the format has none
  Value arguments;       // a dict
};

enum class CallState { kWhole, kCut, kWrong };

struct ReadCalls {
  CallState state = CallState::kWrong;
  size_t length = 0;  // of the text that is read
  std::vector<ToolCall> calls;
};

// The text begins behind the format's mark. final: nothing more comes. tools: what may be called, for the types of
// arguments that are written without them; or none.
ReadCalls read_calls(const CallFormat& format, std::string_view text, bool final, const Value& tools);

}  // namespace pumice::chat
