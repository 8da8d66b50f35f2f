// How a template spells calls: the texts around names and arguments, found by rendering calls with known parts.
//
// The format's row says of which shape calls are and how they begin; what stands between the parts is the template's
// own. Thread rule: pure functions.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "text/chat/reply_formats.h"

namespace pumice::chat {

// Of what JSON Schema calls types, as far as templates write them differently.
enum class ArgumentType : uint8_t { kText, kInteger, kBoolean, kObject, kArray };
inline constexpr size_t kArgumentTypes = 5;

// HEAD name MIDDLE arguments TAIL; or, where arguments are JSON no longer:
// HEAD name FIRST key EQUALS value NEXT key EQUALS value TAIL, and HEAD name EMPTY_TAIL.
// Further calls stand where BETWEEN is instead of TAIL. kCallId stands for a call's id, kCallNumber for its number.
struct CallSpelling {
  std::string trigger;  // what no other text has: the beginning of head
  std::string head, middle, between, tail;
  std::string first, next;
  std::array<std::string, kArgumentTypes> equals;
  std::string empty_tail, empty_between;
  std::string value_end;  // at which readers end a value
  bool several = false;   // a reply may have more than one call
  bool tagged = false;    // arguments are not one JSON value
  bool may_be_empty = true;
};
inline constexpr std::string_view kCallId = "callid0AZ", kCallNumber = ":0";

// kUnsupported: the template renders no calls, or in a form that this does not know.
Result<CallSpelling> call_spelling(const ChatTemplate& chat, const SpecialNames& names);

}  // namespace pumice::chat
