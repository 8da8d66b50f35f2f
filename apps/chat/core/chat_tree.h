// The messages of one chat as a tree: each answer or question that replaces another is a branch beside it.
// Nothing here is stored; what changes is told to the store by whoever changes it. Thread rule: one thread at a time.
#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "chat/core/types.h"

namespace pumice_chat {

class ChatTree {
 public:
  ChatTree() = default;
  // In any order. What has no way to the beginning (of a damaged file) begins a branch there.
  explicit ChatTree(std::vector<Message> messages);

  bool empty() const { return messages_.empty(); }
  std::size_t size() const { return messages_.size(); }
  const Message* find(Id id) const;
  Message* find(Id id);
  // What is shown, from the beginning on.
  std::vector<Id> path() const;
  // From the beginning to this message.
  std::vector<Id> path_to(Id id) const;
  // All with its parent, itself included, in the order in which they were made.
  std::vector<Id> siblings(Id id) const;
  std::vector<Id> children(Id parent) const;

  // The new message is the one that is shown.
  void add(Message message);
  // False: there is no such message.
  bool activate(Id id);
  // With all that follows from it. The id that is shown in its place, 0: none.
  Id remove(Id id);

 private:
  std::map<Id, Message> messages_;
  std::map<Id, std::vector<Id>> children_;  // by parent
};

}  // namespace pumice_chat
