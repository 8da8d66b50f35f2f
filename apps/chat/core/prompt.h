// The messages of a chat as a prompt that fits into what the model sees.
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "chat/core/engine_types.h"

namespace pumice_chat {

// As the template takes them: the system's first, attachments in front of what was said. `left_out`: so many messages
// behind the system's are not there. placeholder: stands for a picture; empty: pictures are named.
Json prompt_messages(const std::vector<Message>& messages, const ChatSettings& settings, std::size_t left_out,
                     const std::string& placeholder);
// Pictures of those messages, in their order.
std::vector<std::string> pictures_of(const std::vector<Message>& messages, std::size_t left_out);
// Where the next question begins behind `left_out` messages; the same where there is none.
std::size_t next_question(const std::vector<Message>& messages, std::size_t left_out);

class PromptMaker {
 public:
  PromptMaker(const pumice::Instance& instance, const pumice::Model& model);

  bool plain() const { return plain_; }
  const pumice::Chat& chat() const { return chat_; }

  struct Prompt {
    pumice::ChatPrompt rendered;
    std::size_t left_out = 0;
  };
  // Leaves out the oldest turns until there is room for a reply in `window` tokens: half of it at a time, so that the
  // beginning stays the same for many turns. Throws pumice::Error; PUMICE_CONTEXT_FULL: the last message alone is too
  // long.
  Prompt fitting(const ReplyOrder& order, std::size_t window) const;

 private:
  pumice::ChatPrompt render(const ReplyOrder& order, std::size_t left_out) const;

  bool plain_ = false;
  pumice::Chat chat_;
  std::string placeholder_;
};

}  // namespace pumice_chat
