// read_chat: the chat template of a GGUF file, or one that its vocabulary asks for.
//
// Ownership: owns what it has read. Thread rule: a pure function; const methods on any number of threads.
#pragma once

#include <optional>

#include "base/result.h"
#include "format/gguf.h"
#include "text/chat/template.h"
#include "text/tokenizer.h"

namespace pumice {

struct ModelChat {
  chat::ChatTemplate plain;
  std::optional<chat::ChatTemplate> with_tools;  // tokenizer.chat_template.tool_use, where the file has it
};

// kNotFound where the file has no template and none is known for its vocabulary.
Result<ModelChat> read_chat(const Gguf& file, const Tokenizer& tokenizer);
// The names of BOS and EOS.
chat::SpecialNames special_names(const Tokenizer& tokenizer);

}  // namespace pumice
