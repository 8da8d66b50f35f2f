// How models write what is not plain content: the marks around reasoning, calls and ends of turns.
//
// A table of known formats instead of rules derived from a probe message: a row is a line of data where a derivation
// needs code for every shape, and models write what they were trained on, which templates only render in part. A
// format counts where the template's source has its mark. Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/chat/template.h"

namespace pumice::chat {

enum class CallShape : uint8_t {
  kJson,    // objects with a name and arguments, one after the other or in lists
  kNamed,   // a name, then arguments as JSON
  kTagged,  // a name, then each argument between tags
  kNested,  // the same with a tag for each value below, too
  kPython,  // [name(key=value, …), …]
  kPairs,   // name{key:value, …} with texts between <|"|>
};

// Absent parts are empty. White space between parts counts for nothing.
struct CallFormat {
  const char* detect;  // in the template's source
  CallShape shape;
  const char* begin;
  const char* end;
  const char* name_end = "";  // behind the name and, up to name_tag_end, what else its tag says
  const char* name_tag_end = "";
  const char* key_begin = "";
  const char* key_end = "";  // likewise
  const char* key_tag_end = "";
  const char* value_end = "";
  const char* json_begin = "";  // around all arguments as one object, which may stand instead
  const char* json_end = "";
  const char* wrap_begin = "";  // around all calls
  const char* wrap_end = "";
  bool keeps_begin = false;  // the mark is a part of what it begins
  bool at_start = false;     // only where nothing else has come
};

enum class MarkKind : uint8_t {
  kReasoning,  // what follows is reasoning
  kContent,
  kNothing,  // what follows, up to the next mark, is for nobody: ends of turns
  kHeader,   // likewise: roles, with which a prompt may end
  kCall,
};

struct Mark {
  std::string text;
  MarkKind kind = MarkKind::kNothing;
  bool ends_reasoning = false;
  const CallFormat* call = nullptr;
};

// The marks that count for a template; `eos` is one, too.
std::vector<Mark> marks_of(std::string_view source, std::string_view eos);

}  // namespace pumice::chat
