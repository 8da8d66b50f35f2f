#include "chat/core/exchange.h"

#include <algorithm>
#include <map>
#include <utility>

#include "common/conversation.h"

namespace pumice_chat {

namespace {

constexpr const char* kFormat = "pumice-chat-tree-1";

std::string text_at(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::int64_t number_at(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_number_integer() ? at->get<std::int64_t>() : 0;
}

Role role_of(const std::string& name) {
  return name == "assistant" ? Role::kAssistant : name == "system" ? Role::kSystem : Role::kUser;
}

Json message_json(const Message& message) {
  Json json = {{"id", message.id},
               {"parent", message.parent},
               {"role", role_name(message.role)},
               {"state", static_cast<int>(message.state)},
               {"active", message.active},
               {"created", message.created_ms},
               {"content", message.content}};
  if (!message.reasoning.empty()) json["reasoning"] = message.reasoning;
  json["extra"] = extra_of(message);
  return json;
}

Message message_of(const Json& json) {
  Message message;
  message.id = number_at(json, "id");
  message.parent = number_at(json, "parent");
  message.role = role_of(text_at(json, "role"));
  const std::int64_t state = number_at(json, "state");
  message.state = state >= 0 && state <= static_cast<int>(State::kFull) ? static_cast<State>(state) : State::kDone;
  message.active = json.value("active", Json()).is_boolean() && json["active"].get<bool>();
  message.created_ms = number_at(json, "created");
  message.content = text_at(json, "content");
  message.reasoning = text_at(json, "reasoning");
  if (json.contains("extra")) set_extra(json["extra"], &message);
  return message;
}

// Each branch of a terminal's chat is a list; equal beginnings become one.
Exchanged from_conversation(const pumice_apps::Conversation& conversation) {
  Exchanged made;
  made.chat.created_ms = made.chat.updated_ms = now_ms();
  std::map<std::pair<Id, std::string>, Id> known;
  std::map<Id, std::size_t> place;
  for (std::size_t b = 0; b < conversation.branches(); ++b) {
    // The current branch comes last, so that it is the one that is shown.
    const std::size_t branch = (conversation.current() + 1 + b) % conversation.branches();
    Id parent = 0;
    for (const Json& said : conversation.branch(branch)) {
      if (text_at(said, "role") == "system") {
        made.chat.settings.system = pumice_apps::text_of(said);
        continue;
      }
      Id& id = known[{parent, text_at(said, "role") + '\n' + pumice_apps::text_of(said)}];
      if (id == 0) {
        Message message;
        message.id = id = static_cast<Id>(made.messages.size()) + 1;
        message.parent = parent;
        message.role = role_of(text_at(said, "role"));
        message.content = pumice_apps::text_of(said);
        message.reasoning = text_at(said, "reasoning_content");
        message.created_ms = now_ms();
        made.messages.push_back(std::move(message));
        place[id] = made.messages.size() - 1;
      }
      for (Message& other : made.messages)
        if (other.parent == parent) other.active = other.id == id;
      parent = id;
    }
  }
  for (const Message& message : made.messages)
    if (made.chat.title.empty() && message.role == Role::kUser) made.chat.title = title_from(message.content);
  return made;
}

std::string fence_for(const std::string& text) {
  std::string fence = "```";
  while (text.find(fence) != std::string::npos) fence += '`';
  return fence;
}

}  // namespace

std::string to_markdown(const ChatInfo& chat, const ChatTree& tree) {
  std::string text = "# " + (chat.title.empty() ? "Chat" : chat.title) + "\n";
  if (!chat.settings.system.empty()) text += "\n## System\n\n" + chat.settings.system + "\n";
  for (const Id id : tree.path()) {
    const Message& message = *tree.find(id);
    text += message.role == Role::kUser ? "\n## You\n\n"
                                        : "\n## " + (message.model.empty() ? "Model" : message.model) + "\n\n";
    for (const Attachment& attachment : message.attachments) {
      const std::string fence = fence_for(attachment.text);
      text += attachment.picture.empty()
                  ? attachment.name + ":\n\n" + fence + "\n" + attachment.text + "\n" + fence + "\n\n"
                  : "![" + attachment.name + "](" + attachment.picture + ")\n\n";
    }
    if (!message.reasoning.empty()) {
      std::string quoted = "> " + message.reasoning;
      for (std::size_t at = 0; (at = quoted.find('\n', at)) != std::string::npos; at += 3) quoted.insert(at + 1, "> ");
      text += quoted + "\n\n";
    }
    text += message.content + "\n";
  }
  return text;
}

std::string to_exchange(const ChatInfo& chat, const ChatTree& tree) {
  Json json = {{"format", kFormat},        {"title", chat.title},        {"folder", chat.folder},
               {"pinned", chat.pinned},    {"created", chat.created_ms}, {"settings", to_json(chat.settings)},
               {"messages", Json::array()}};
  std::vector<Id> order = tree.children(0);
  for (std::size_t i = 0; i < order.size(); ++i) {
    json["messages"].push_back(message_json(*tree.find(order[i])));
    const std::vector<Id> next = tree.children(order[i]);
    order.insert(order.end(), next.begin(), next.end());
  }
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<Exchanged> from_exchange(const std::string& text) {
  if (const auto conversation = pumice_apps::Conversation::parse(text)) return from_conversation(*conversation);
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || text_at(json, "format") != kFormat) return {};
  if (!json.contains("messages") || !json["messages"].is_array()) return {};
  Exchanged made;
  made.chat.title = text_at(json, "title");
  made.chat.folder = text_at(json, "folder");
  made.chat.created_ms = number_at(json, "created");
  if (json.contains("settings")) made.chat.settings = settings_of(json["settings"]);
  for (const Json& message : json["messages"]) {
    if (!message.is_object() || number_at(message, "id") <= 0) return {};
    made.messages.push_back(message_of(message));
  }
  return made;
}

}  // namespace pumice_chat
