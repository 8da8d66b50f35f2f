#include "common/conversation.h"

#include <algorithm>
#include <utility>

namespace pumice_apps {

namespace {

using Json = Conversation::Json;

constexpr const char* kFormat = "pumice-chat-1";

bool has_role(const Json& message, const char* role) { return message["role"] == role; }

bool is_message(const Json& message) {
  return message.is_object() && message.contains("role") && message["role"].is_string();
}

}  // namespace

std::string text_of(const Json& message) {
  const auto content = message.find("content");
  return content != message.end() && content->is_string() ? content->get<std::string>() : "";
}

std::size_t Conversation::turns() const {
  return static_cast<std::size_t>(std::count_if(messages().begin(), messages().end(),
                                                [](const Json& message) { return has_role(message, "user"); }));
}

bool Conversation::waits_for_reply() const {
  return !messages().empty() && (has_role(messages().back(), "user") || has_role(messages().back(), "tool"));
}

std::string Conversation::system() const {
  if (messages().empty() || !has_role(messages().front(), "system")) return {};
  return text_of(messages().front());
}

void Conversation::set_system(const std::string& text) {
  Json& all = branches_[current_];
  if (!all.empty() && has_role(all.front(), "system")) all.erase(0);
  if (!text.empty()) all.insert(all.begin(), Json{{"role", "system"}, {"content", text}});
}

std::size_t Conversation::place_of(std::size_t turn) const {
  std::size_t seen = 0;
  for (std::size_t i = 0; i < messages().size(); ++i)
    if (has_role(messages()[i], "user") && ++seen == turn) return i;
  return messages().size();
}

void Conversation::continue_on(Json messages) {
  branches_.push_back(std::move(messages));
  current_ = branches_.size() - 1;
}

bool Conversation::take_back_reply() {
  if (turns() == 0) return false;
  if (waits_for_reply()) return true;
  Json shorter = messages();
  while (!shorter.empty() && has_role(shorter.back(), "assistant")) shorter.erase(shorter.size() - 1);
  if (shorter.empty()) return false;
  continue_on(std::move(shorter));
  return true;
}

bool Conversation::edit(std::size_t turn, const std::string& text) {
  const std::size_t place = turn == 0 ? messages().size() : place_of(turn);
  if (place == messages().size()) return false;
  Json shorter = Json::array();
  for (std::size_t i = 0; i < place; ++i) shorter.push_back(messages()[i]);
  shorter.push_back({{"role", "user"}, {"content", text}});
  continue_on(std::move(shorter));
  return true;
}

bool Conversation::start_branch(std::size_t turn) {
  if (turn == 0 || turn > turns()) return false;
  const std::size_t end = place_of(turn + 1);
  Json copy = Json::array();
  for (std::size_t i = 0; i < end; ++i) copy.push_back(messages()[i]);
  continue_on(std::move(copy));
  return true;
}

bool Conversation::switch_to(std::size_t index) {
  if (index >= branches_.size()) return false;
  current_ = index;
  return true;
}

std::string Conversation::json() const {
  Json all = {{"format", kFormat}, {"current", current_}, {"branches", branches_}};
  if (!kv_digest_.empty()) all["kv_digest"] = kv_digest_;
  return all.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<Conversation> Conversation::parse(const std::string& text) {
  const Json all = Json::parse(text, nullptr, false);
  if (!all.is_object() || !all.contains("format") || all["format"] != kFormat) return {};
  if (!all.contains("branches") || !all["branches"].is_array() || all["branches"].empty()) return {};
  Conversation conversation;
  conversation.branches_.clear();
  for (const Json& branch : all["branches"]) {
    if (!branch.is_array() || !std::all_of(branch.begin(), branch.end(), is_message)) return {};
    conversation.branches_.push_back(branch);
  }
  const bool counted = all.contains("current") && all["current"].is_number_unsigned();
  const auto current = counted ? all["current"].get<std::size_t>() : 0;
  conversation.current_ = std::min(current, conversation.branches_.size() - 1);
  if (const auto digest = all.find("kv_digest"); digest != all.end() && digest->is_string())
    conversation.kv_digest_ = digest->get<std::string>();
  return conversation;
}

}  // namespace pumice_apps
