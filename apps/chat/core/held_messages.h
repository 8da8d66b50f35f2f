// Where the messages of a chat lie among the tokens that a branch holds, and so which pages hold them. Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "chat/core/types.h"

namespace pumice_chat {

struct HeldMessage {
  Id message = 0;  // 0: the system prompt
  Role role = Role::kUser;
  std::string text;
  std::uint32_t first = 0, end = 0;  // tokens; none: its template has changed its text
};

// Finds each message's text in what the tokens say together, in their order.
void place_messages(const std::vector<std::string>& tokens, std::vector<HeldMessage>* messages);

// Of the pages of a sequence, by position, those that hold a part of the message: places in the pool.
std::vector<std::uint32_t> pages_of(const HeldMessage& message, const std::vector<std::uint32_t>& pages,
                                    std::uint32_t page_tokens);

}  // namespace pumice_chat
