// Chats as text that other programs read: Markdown of what is shown, JSON of all of it. Thread rule: pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "chat/core/chat_tree.h"
#include "chat/core/types.h"

namespace pumice_chat {

std::string to_markdown(const ChatInfo& chat, const ChatTree& tree);

std::string to_exchange(const ChatInfo& chat, const ChatTree& tree);
struct Exchanged {
  ChatInfo chat;
  std::vector<Message> messages;
};
// Of to_exchange(), or of `pumice chat --file` (common/conversation.h). Nothing where it is neither.
std::optional<Exchanged> from_exchange(const std::string& json);

}  // namespace pumice_chat
