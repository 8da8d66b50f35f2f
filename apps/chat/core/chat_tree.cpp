#include "chat/core/chat_tree.h"

#include <algorithm>
#include <set>
#include <utility>

namespace pumice_chat {

ChatTree::ChatTree(std::vector<Message> messages) {
  std::sort(messages.begin(), messages.end(), [](const Message& a, const Message& b) { return a.id < b.id; });
  std::set<Id> known;
  for (Message& message : messages) {
    // A parent is older than its children, so that there is no circle.
    if (!known.contains(message.parent)) message.parent = 0;
    known.insert(message.id);
    children_[message.parent].push_back(message.id);
    messages_.emplace(message.id, std::move(message));
  }
  for (auto& [parent, ids] : children_) {
    const auto active = std::find_if(ids.rbegin(), ids.rend(), [&](Id id) { return messages_.at(id).active; });
    const Id shown = active == ids.rend() ? ids.back() : *active;
    for (const Id id : ids) messages_.at(id).active = id == shown;
  }
}

const Message* ChatTree::find(Id id) const {
  const auto at = messages_.find(id);
  return at == messages_.end() ? nullptr : &at->second;
}

Message* ChatTree::find(Id id) {
  const auto at = messages_.find(id);
  return at == messages_.end() ? nullptr : &at->second;
}

std::vector<Id> ChatTree::children(Id parent) const {
  const auto at = children_.find(parent);
  return at == children_.end() ? std::vector<Id>() : at->second;
}

std::vector<Id> ChatTree::path() const {
  std::vector<Id> path;
  for (auto at = children_.find(0); at != children_.end() && !at->second.empty(); at = children_.find(path.back())) {
    const auto shown =
        std::find_if(at->second.begin(), at->second.end(), [&](Id id) { return messages_.at(id).active; });
    path.push_back(shown == at->second.end() ? at->second.back() : *shown);
  }
  return path;
}

std::vector<Id> ChatTree::path_to(Id id) const {
  std::vector<Id> path;
  for (const Message* at = find(id); at; at = find(at->parent)) path.push_back(at->id);
  std::reverse(path.begin(), path.end());
  return path;
}

std::vector<Id> ChatTree::siblings(Id id) const {
  const Message* message = find(id);
  return message ? children(message->parent) : std::vector<Id>();
}

void ChatTree::add(Message message) {
  const Id id = message.id;
  children_[message.parent].push_back(id);
  messages_.insert_or_assign(id, std::move(message));
  activate(id);
}

bool ChatTree::activate(Id id) {
  const Message* message = find(id);
  if (!message) return false;
  for (const Id other : children_[message->parent]) messages_.at(other).active = other == id;
  return true;
}

Id ChatTree::remove(Id id) {
  const Message* message = find(id);
  if (!message) return 0;
  const Id parent = message->parent;
  const bool was_shown = message->active;
  std::vector<Id> gone = {id};
  for (std::size_t i = 0; i < gone.size(); ++i) {
    const std::vector<Id> next = children(gone[i]);
    gone.insert(gone.end(), next.begin(), next.end());
  }
  for (const Id one : gone) {
    messages_.erase(one);
    children_.erase(one);
  }
  std::vector<Id>& left = children_[parent];
  const auto place = std::find(left.begin(), left.end(), id);
  const auto index = static_cast<std::size_t>(place - left.begin());
  left.erase(place);
  if (left.empty()) {
    children_.erase(parent);
    return 0;
  }
  if (!was_shown) return 0;
  const Id shown = left[std::min(index, left.size() - 1)];
  activate(shown);
  return shown;
}

}  // namespace pumice_chat
