#include "chat/core/prompt.h"

#include <algorithm>

#include "common/system.h"

namespace pumice_chat {

namespace {

// For models that were never taught to converse: what was said, as one text.
constexpr std::string_view kPlainTemplate =
    "{% for message in messages %}{{ message['content'] }}{% if not loop.last %} {% endif %}{% endfor %}";

pumice::Chat make_chat(const pumice::Instance& instance, const pumice::Model& model, bool* plain) {
  try {
    return pumice::Chat(instance, &model);
  } catch (const pumice::Error& error) {
    if (error.code() != PUMICE_NOT_FOUND) throw;
  }
  *plain = true;
  PumiceChatOptions options = pumice_chat_options_init();
  options.source = kPlainTemplate.data();
  options.source_length = kPlainTemplate.size();
  return pumice::Chat(instance, &model, options);
}

std::string said_with_attachments(const Message& message, const std::string& placeholder) {
  std::string text;
  for (const Attachment& attachment : message.attachments) {
    if (!attachment.picture.empty())
      text += placeholder.empty() ? "[picture " + attachment.name + "]\n" : placeholder;
    else
      text += attachment.name + ":\n```\n" + attachment.text + "\n```\n\n";
  }
  return text + message.content;
}

}  // namespace

Json prompt_messages(const std::vector<Message>& messages, const ChatSettings& settings, std::size_t left_out,
                     const std::string& placeholder) {
  Json list = Json::array();
  if (!settings.system.empty()) list.push_back({{"role", "system"}, {"content", settings.system}});
  for (std::size_t i = left_out; i < messages.size(); ++i) {
    const Message& message = messages[i];
    Json json = {{"role", role_name(message.role)}, {"content", said_with_attachments(message, placeholder)}};
    if (!message.reasoning.empty()) json["reasoning_content"] = message.reasoning;
    list.push_back(std::move(json));
  }
  return list;
}

std::vector<std::string> pictures_of(const std::vector<Message>& messages, std::size_t left_out) {
  std::vector<std::string> pictures;
  for (std::size_t i = left_out; i < messages.size(); ++i)
    for (const Attachment& attachment : messages[i].attachments)
      if (!attachment.picture.empty()) pictures.push_back(attachment.picture);
  return pictures;
}

std::size_t next_question(const std::vector<Message>& messages, std::size_t left_out) {
  for (std::size_t i = left_out + 1; i < messages.size(); ++i)
    if (messages[i].role == Role::kUser) return i;
  return left_out;
}

PromptMaker::PromptMaker(const pumice::Instance& instance, const pumice::Model& model)
    : chat_(make_chat(instance, model, &plain_)), placeholder_(model.image_placeholder()) {}

pumice::ChatPrompt PromptMaker::render(const ReplyOrder& order, std::size_t left_out) const {
  const std::string messages = dump(prompt_messages(order.messages, order.settings, left_out, placeholder_));
  PumiceChatRenderOptions options = pumice_chat_render_options_init();
  options.messages = {messages.data(), messages.size()};
  // A form leaves no room for reasoning.
  options.thinking =
      order.settings.schema.empty() ? static_cast<PumiceThinking>(order.settings.thinking) : PUMICE_THINKING_OFF;
  options.now = pumice_apps::local_seconds();
  return chat_.render(options);
}

PromptMaker::Prompt PromptMaker::fitting(const ReplyOrder& order, std::size_t window) const {
  const std::size_t most = order.settings.max_tokens, quarter = window / 4;
  const std::size_t room = most > 0 ? std::min(most, quarter) : quarter;
  Prompt prompt = {render(order, 0), 0};
  if (prompt.rendered.ids.size() + room <= window) return prompt;
  while (prompt.rendered.ids.size() > window / 2) {
    const std::size_t next = next_question(order.messages, prompt.left_out);
    if (next == prompt.left_out) break;
    prompt = {render(order, next), next};
  }
  if (prompt.rendered.ids.size() < window) return prompt;
  throw pumice::Error(PUMICE_CONTEXT_FULL, "the message is longer than what the model can see (" +
                                               std::to_string(prompt.rendered.ids.size()) + " of " +
                                               std::to_string(window) + " tokens)");
}

}  // namespace pumice_chat
