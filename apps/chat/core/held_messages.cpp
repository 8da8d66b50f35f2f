#include "chat/core/held_messages.h"

#include <algorithm>

namespace pumice_chat {

void place_messages(const std::vector<std::string>& tokens, std::vector<HeldMessage>* messages) {
  std::string text;
  std::vector<std::size_t> ends;
  for (const std::string& token : tokens) {
    text += token;
    ends.push_back(text.size());
  }
  const auto token_at = [&](std::size_t byte) {
    return static_cast<std::uint32_t>(std::upper_bound(ends.begin(), ends.end(), byte) - ends.begin());
  };
  std::size_t at = 0;
  for (HeldMessage& message : *messages) {
    message.first = message.end = 0;
    const std::size_t begin = message.text.find_first_not_of(" \t\r\n");
    if (begin == std::string::npos) continue;
    const std::string said = message.text.substr(begin, message.text.find_last_not_of(" \t\r\n") + 1 - begin);
    const std::size_t found = text.find(said, at);
    if (found == std::string::npos) continue;
    at = found + said.size();
    message.first = token_at(found);
    message.end = token_at(at - 1) + 1;
  }
}

std::vector<std::uint32_t> pages_of(const HeldMessage& message, const std::vector<std::uint32_t>& pages,
                                    std::uint32_t page_tokens) {
  std::vector<std::uint32_t> held;
  if (message.end <= message.first || page_tokens == 0) return held;
  for (std::size_t i = message.first / page_tokens; i < pages.size() && i <= (message.end - 1) / page_tokens; ++i)
    held.push_back(pages[i]);
  return held;
}

}  // namespace pumice_chat
