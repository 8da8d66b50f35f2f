// Sequences that are kept for the branches of chats, so that going on with one computes only what is new.
// Thread rule: the engine's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <vector>

#include "chat/core/engine_types.h"
#include "chat/core/held_messages.h"

namespace pumice_chat {

class Branches {
 public:
  struct Branch {
    pumice::Sequence sequence;
    std::vector<std::int32_t> ids;  // that it holds
    Id chat = 0;
    bool running = false;
    std::uint64_t used = 0;
    std::vector<HeldMessage> messages;  // of the prompt; behind it stands the reply:
    Id reply = 0;
    std::size_t prompt_tokens = 0;
    bool placed = false;  // the messages are, among the tokens
  };

  explicit Branches(std::size_t most) : most_(most) {}

  // How many of the first tokens a branch that is not running holds.
  std::size_t held(const std::vector<std::int32_t>& ids) const;
  // One that holds a beginning of `ids`, at most all but one: the chat's own where that begins them whole, else a fork
  // of whichever has the most, else a new one. It is running from now on. `held`: how much of them it has.
  Branch& take(const pumice::Context& context, Id chat, const std::vector<std::int32_t>& ids, std::size_t* held);
  // ids: what it holds now; empty: that is not known, and it goes.
  void give_back(Branch& branch, std::vector<std::int32_t> ids);
  void forget(Id chat);
  void clear() { branches_.clear(); }
  std::list<Branch>& all() { return branches_; }

 private:
  Branch* best(const std::vector<std::int32_t>& ids, std::size_t* common);
  void make_room();

  std::list<Branch> branches_;  // references stay
  std::size_t most_;
  std::uint64_t clock_ = 0;
};

}  // namespace pumice_chat
