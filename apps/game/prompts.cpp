#include "game/prompts.h"

#include <nlohmann/json.hpp>

namespace pumice_game {

namespace {

constexpr const char* kRules =
    "\nYou answer as this person and with nothing but a JSON object: \"say\" is one short sentence that you speak, "
    "\"action\" is what you do then (wait, walk, follow, wave, give, fight, hide) and \"target\" is to whom or where.";

void append(std::vector<std::int32_t>* to, const std::vector<std::int32_t>& ids) {
  to->insert(to->end(), ids.begin(), ids.end());
}

nlohmann::json message(const char* role, const std::string& text) { return {{"role", role}, {"content", text}}; }

// What others did and said since his last reply is one message.
nlohmann::json messages_of(const Character& character, bool system_role) {
  nlohmann::json messages = nlohmann::json::array();
  std::string heard;
  const std::string introduction = character.introduction() + kRules;
  if (system_role)
    messages.push_back(message("system", introduction));
  else
    heard = introduction + "\n\n";
  for (const Line& line : character.lines()) {
    if (!line.own) {
      heard += line.text + "\n";
      continue;
    }
    messages.push_back(message("user", heard.empty() ? "Go on." : heard));
    messages.push_back(message("assistant", line.text));
    heard.clear();
  }
  messages.push_back(message("user", heard.empty() ? "Go on." : heard));
  return messages;
}

}  // namespace

std::vector<std::int32_t> Prompts::of(Character* character, std::size_t most) const {
  while (true) {
    std::vector<std::int32_t> ids = chat_ ? conversation(*character) : story(character);
    if (ids.size() <= most || character->lines().empty()) {
      if (ids.size() > most) ids.resize(most);
      return ids;
    }
    character->forget();
  }
}

// Replies stay the tokens that they were drawn as, so that what is computed of them is found again.
std::vector<std::int32_t> Prompts::story(Character* character) const {
  const std::vector<std::int32_t> cue = model_->tokenize(std::string("\n") + character->name() + ": ", 0);
  std::vector<std::int32_t> ids = model_->tokenize(character->introduction(), PUMICE_TOKENIZE_ADD_SPECIAL);
  for (Line& line : character->lines()) {
    if (line.own) append(&ids, cue);
    if (line.ids.empty()) line.ids = model_->tokenize((line.own ? "" : "\n") + line.text, 0);
    append(&ids, line.ids);
  }
  append(&ids, cue);
  return ids;
}

std::vector<std::int32_t> Prompts::conversation(const Character& character) const {
  PumiceChatRenderOptions options = pumice_chat_render_options_init();
  options.thinking = PUMICE_THINKING_OFF;  // the grammar begins with the reply
  for (const bool system_role : {true, false}) {
    const std::string messages = messages_of(character, system_role).dump();
    options.messages = {messages.data(), messages.size()};
    try {
      return chat_->render(options).ids;
    } catch (const pumice::Error& error) {
      if (!system_role || error.code() != PUMICE_INVALID_ARGUMENT) throw;  // some templates know no such role
    }
  }
  return {};
}

}  // namespace pumice_game
