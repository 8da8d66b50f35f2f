#include "engine/model_chat.h"

#include <string>

#include "text/chat/built_in.h"

namespace pumice {

Result<ModelChat> read_chat(const Gguf& file, const Tokenizer& tokenizer) {
  const std::string architecture(file.get_string("general.architecture").value_or(""));
  const std::string_view source = file.get_string("tokenizer.chat_template").value_or("");
  if (source.empty()) {
    const std::string_view known = chat::built_in_template(
        architecture, [&](std::string_view token) { return tokenizer.find(token).has_value(); });
    if (known.empty())
      return error(Status::kNotFound,
                   "the file has no chat template (tokenizer.chat_template), and its vocabulary says not how it chats; "
                   "give a template");
    PUMICE_ASSIGN(chat::ChatTemplate made, chat::ChatTemplate::parse(std::string(known)));
    return ModelChat{std::move(made), std::nullopt};
  }
  PUMICE_ASSIGN(chat::ChatTemplate plain, chat::ChatTemplate::parse(std::string(source)));
  ModelChat made{std::move(plain), std::nullopt};
  if (const auto tools = file.get_string("tokenizer.chat_template.tool_use")) {
    PUMICE_ASSIGN(made.with_tools, chat::ChatTemplate::parse(std::string(*tools)));
  }
  return made;
}

chat::SpecialNames special_names(const Tokenizer& tokenizer) {
  chat::SpecialNames names;
  if (const auto bos = tokenizer.bos()) names.bos = tokenizer.token_name(*bos);
  if (const auto eos = tokenizer.eos()) names.eos = tokenizer.token_name(*eos);
  return names;
}

}  // namespace pumice
