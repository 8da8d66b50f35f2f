#include "game/character.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace pumice_game {

namespace {

constexpr std::size_t kMostFacts = 8;
// One sentence, or a few: it begins with a capital letter, ends with a mark, and fits into a bubble.
constexpr const char* kSpoken =
    R"(^[A-Z][^\u0000-\u001f"\\(){}<>\[\]]{1,90}[^\u0000-\u001f"\\(){}<>\[\] ,;:.-][.!?]$)";

constexpr std::array<const char*, kCharacters> kPersonas = {
    "Hans the woodcutter is strong and honest, and not very quick. He is proud of his axe and afraid of nothing but "
    "the Fox's jokes.",
    "Gretel the baker is kind and clever. She gives apples to everybody, and lets nobody cheat her.",
    "The Fox is old and sly. He flatters, he steals apples, and he hides before anybody can be angry with him.",
};

nlohmann::ordered_json form(const std::vector<std::string>& acts, const std::vector<std::string>& targets) {
  nlohmann::ordered_json schema;
  schema["type"] = "object";
  schema["properties"]["say"] = {{"type", "string"}, {"pattern", kSpoken}};
  schema["properties"]["action"] = {{"enum", acts}};
  schema["properties"]["target"] = {{"enum", targets}};
  schema["required"] = {"say", "action", "target"};
  schema["additionalProperties"] = false;
  return schema;
}

}  // namespace

std::string reply_schema(std::size_t who) {
  std::vector<std::string> somebody, anything, to_somebody, to_anything;
  for (std::size_t i = 0; i < kBodies; ++i)
    if (i != who) somebody.emplace_back(kNames[i]);
  anything = somebody;
  for (const Place& place : kPlaces) anything.emplace_back(place.name);
  for (std::size_t act = 0; act < kActs.size(); ++act)
    (needs_somebody(static_cast<Act>(act)) ? to_somebody : to_anything).emplace_back(kActs[act]);
  nlohmann::ordered_json schema;
  schema["anyOf"] = {form(to_somebody, somebody), form(to_anything, anything)};
  return schema.dump();
}

std::optional<Reply> parse_reply(std::string_view json) {
  const auto object = nlohmann::json::parse(json, nullptr, false);
  if (!object.is_object()) return {};
  for (const char* key : {"say", "action", "target"})
    if (!object.contains(key) || !object[key].is_string()) return {};
  Reply reply;
  reply.say = object["say"].get<std::string>();
  const auto act = std::find(kActs.begin(), kActs.end(), object["action"].get<std::string>());
  reply.target = target_of(object["target"].get<std::string>());
  if (act == kActs.end() || reply.target >= kTargets) return {};
  reply.act = static_cast<Act>(act - kActs.begin());
  return reply;
}

std::string spoken_so_far(std::string_view json) {
  constexpr std::string_view kBefore = "\"say\":\"";
  const std::size_t at = json.find(kBefore);
  if (at == std::string_view::npos) return {};
  std::string spoken;
  for (std::size_t i = at + kBefore.size(); i < json.size() && json[i] != '"'; ++i) {
    if (json[i] == '\\') ++i;
    if (i < json.size()) spoken += json[i];
  }
  return spoken;
}

std::string Character::persona() const { return kPersonas[who_]; }

std::string Character::introduction() const {
  std::string text =
      "In a clearing in the wood there is a fire, a well, an old oak and a house. Hans the woodcutter, Gretel the "
      "baker "
      "and the Fox live there, and one evening a traveller comes by. " +
      persona();
  if (!facts_.empty()) text += std::string("\n") + target_name(who_) + " remembers:";
  for (const std::string& fact : facts_) text += " " + fact;
  return text;
}

void Character::forget() {
  const std::size_t half = (lines_.size() + 1) / 2;
  for (std::size_t i = 0; i < half; ++i)
    if (lines_[i].keeps && std::find(facts_.begin(), facts_.end(), lines_[i].text) == facts_.end())
      facts_.push_back(lines_[i].text);
  lines_.erase(lines_.begin(), lines_.begin() + static_cast<std::ptrdiff_t>(half));
  if (facts_.size() > kMostFacts) facts_.erase(facts_.begin(), facts_.end() - static_cast<std::ptrdiff_t>(kMostFacts));
}

}  // namespace pumice_game
