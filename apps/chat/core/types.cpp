#include "chat/core/types.h"

#include <chrono>

namespace pumice_chat {

namespace {

template <typename T>
void read(const Json& json, const char* key, T* to) {
  const auto at = json.find(key);
  if (at == json.end()) return;
  if constexpr (std::is_same_v<T, std::string>) {
    if (at->is_string()) *to = at->template get<std::string>();
  } else if constexpr (std::is_same_v<T, bool>) {
    if (at->is_boolean()) *to = at->template get<bool>();
  } else {
    if (at->is_number()) *to = at->template get<T>();
  }
}

}  // namespace

const char* role_name(Role role) {
  return role == Role::kSystem ? "system" : role == Role::kAssistant ? "assistant" : "user";
}

Json to_json(const ChatSettings& s) {
  return {{"model", s.model},
          {"system", s.system},
          {"schema", s.schema},
          {"model_sampling", s.model_sampling},
          {"temperature", s.temperature},
          {"top_p", s.top_p},
          {"min_p", s.min_p},
          {"repeat_penalty", s.repeat_penalty},
          {"top_k", s.top_k},
          {"max_tokens", s.max_tokens},
          {"seed", s.seed},
          {"thinking", s.thinking}};
}

ChatSettings settings_of(const Json& json) {
  ChatSettings s;
  if (!json.is_object()) return s;
  read(json, "model", &s.model);
  read(json, "system", &s.system);
  read(json, "schema", &s.schema);
  read(json, "model_sampling", &s.model_sampling);
  read(json, "temperature", &s.temperature);
  read(json, "top_p", &s.top_p);
  read(json, "min_p", &s.min_p);
  read(json, "repeat_penalty", &s.repeat_penalty);
  read(json, "top_k", &s.top_k);
  read(json, "max_tokens", &s.max_tokens);
  read(json, "seed", &s.seed);
  read(json, "thinking", &s.thinking);
  return s;
}

Json extra_of(const Message& message) {
  Json json = Json::object();
  if (!message.model.empty()) json["model"] = message.model;
  if (!message.problem.empty()) json["problem"] = message.problem;
  for (const Attachment& a : message.attachments)
    json["attachments"].push_back({{"name", a.name}, {"text", a.text}, {"picture", a.picture}});
  const ReplyFigures& f = message.figures;
  if (f.prompt_tokens > 0)
    json["figures"] = {{"prompt", f.prompt_tokens},     {"held", f.held_tokens}, {"cached", f.cached_tokens},
                       {"computed", f.computed_tokens}, {"tokens", f.tokens},    {"first_token_ms", f.first_token_ms},
                       {"rate", f.tokens_per_second},   {"left_out", f.left_out}};
  return json;
}

void set_extra(const Json& json, Message* message) {
  if (!json.is_object()) return;
  read(json, "model", &message->model);
  read(json, "problem", &message->problem);
  if (const auto list = json.find("attachments"); list != json.end() && list->is_array()) {
    for (const Json& entry : *list) {
      if (!entry.is_object()) continue;
      Attachment a;
      read(entry, "name", &a.name);
      read(entry, "text", &a.text);
      read(entry, "picture", &a.picture);
      message->attachments.push_back(std::move(a));
    }
  }
  const auto figures = json.find("figures");
  if (figures == json.end() || !figures->is_object()) return;
  ReplyFigures& f = message->figures;
  read(*figures, "prompt", &f.prompt_tokens);
  read(*figures, "held", &f.held_tokens);
  read(*figures, "cached", &f.cached_tokens);
  read(*figures, "computed", &f.computed_tokens);
  read(*figures, "tokens", &f.tokens);
  read(*figures, "first_token_ms", &f.first_token_ms);
  read(*figures, "rate", &f.tokens_per_second);
  read(*figures, "left_out", &f.left_out);
}

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string title_from(const std::string& text) {
  constexpr std::size_t kMostBytes = 48;
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  std::string title = first == std::string::npos ? std::string() : text.substr(first);
  title = title.substr(0, title.find('\n'));
  if (title.size() <= kMostBytes) return title;
  std::size_t end = kMostBytes;
  while (end > 0 && (title[end] & 0xC0) == 0x80) --end;
  return title.substr(0, end) + "…";
}

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace pumice_chat
