// Replies that call tools as a template spells calls, with arguments that the tools' schemas accept.
// Thread rule: pure functions.
#pragma once

#include <memory>
#include <string>

#include "grammar/grammar.h"
#include "text/chat/call_spelling.h"
#include "text/tokenizer.h"

namespace pumice::grammar {

enum class ToolChoice : uint8_t {
  kAuto,      // any text, and calls behind it
  kNone,      // any text without a call
  kRequired,  // at least one call and no other text
};

struct ToolGrammarOptions {
  ToolChoice choice = ToolChoice::kAuto;
  std::string only;     // the one tool that may be called; empty: any
  bool several = true;  // as far as the template has several calls in a reply
};

// tools: an array as OpenAI's interface has it. kInvalidArgument: it is not one, or has no tool of that name;
// kUnsupported, with the tool and the JSON pointer: a schema that has no exact form.
Result<std::shared_ptr<const Grammar>> tool_grammar(const Json& tools, const chat::CallSpelling& spelling,
                                                    const Tokenizer& tokenizer, const ToolGrammarOptions& options);

}  // namespace pumice::grammar
