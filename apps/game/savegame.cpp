#include "game/savegame.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "common/system.h"
#include "game/exit_codes.h"

namespace pumice_game {

namespace {

using nlohmann::json;

// The file: this, then JSON, then the sessions one after the other. The sum is of all that follows the head.
struct Head {
  char magic[8] = {'P', 'U', 'M', 'G', 'A', 'M', 'E', '1'};
  std::uint64_t json_bytes = 0, sum = 0;
};

// FNV-1a: against accidents, not against people.
std::uint64_t sum_of(std::string_view bytes) {
  std::uint64_t sum = 14695981039346656037u;
  for (const char byte : bytes) sum = (sum ^ static_cast<unsigned char>(byte)) * 1099511628211u;
  return sum;
}

json json_of(const Line& line) {
  return {{"text", line.text}, {"own", line.own}, {"keeps", line.keeps}, {"ids", line.ids}};
}

json json_of(const SavedCharacter& character) {
  json lines = json::array();
  for (const Line& line : character.lines) lines.push_back(json_of(line));
  return {{"lines", lines},
          {"facts", character.facts},
          {"tokens", character.tokens},
          {"session_bytes", character.session.size()}};
}

SavedCharacter character_of(const json& from, std::string_view* sessions) {
  SavedCharacter character;
  for (const json& line : from.at("lines"))
    character.lines.push_back({line.at("text"), line.at("own"), line.at("keeps"), line.at("ids")});
  from.at("facts").get_to(character.facts);
  from.at("tokens").get_to(character.tokens);
  const auto bytes = from.at("session_bytes").get<std::size_t>();
  if (bytes > sessions->size()) throw std::runtime_error("it ends too early");
  character.session = sessions->substr(0, bytes);
  sessions->remove_prefix(bytes);
  return character;
}

}  // namespace

void write_savegame(const std::string& path, const Savegame& game) {
  json bodies = json::array(), characters = json::array();
  for (const SavedBody& body : game.bodies)
    bodies.push_back({{"x", body.x}, {"z", body.z}, {"facing", body.facing}, {"apples", body.apples}});
  for (const SavedCharacter& character : game.characters) characters.push_back(json_of(character));
  const json all = {{"seconds", game.seconds},
                    {"seed", game.seed},
                    {"turn", game.turn},
                    {"bodies", bodies},
                    {"characters", characters}};
  // A reply may hold any bytes that are a string to the model's grammar; what is no UTF-8 is replaced.
  std::string content = all.dump(-1, ' ', false, json::error_handler_t::replace);
  Head head;
  head.json_bytes = content.size();
  for (const SavedCharacter& character : game.characters) content += character.session;
  head.sum = sum_of(content);
  std::string file(reinterpret_cast<const char*>(&head), sizeof head);
  file += content;
  if (const int reason = pumice_apps::replace_file(path, file))
    throw Failure(kExitIo, "cannot write " + path + ": " + pumice_apps::reason_text(reason));
}

Savegame read_savegame(const std::string& path) {
  std::string file;
  if (const int reason = pumice_apps::read_all(path, &file))
    throw Failure(kExitNotFound, "cannot read " + path + ": " + pumice_apps::reason_text(reason));
  Head head;
  const Head wanted;
  if (file.size() >= sizeof head) std::memcpy(&head, file.data(), sizeof head);
  if (file.size() < sizeof head || std::memcmp(head.magic, wanted.magic, sizeof head.magic) != 0)
    throw Failure(kExitBadModel, path + " is no savegame of this game");
  std::string_view content(file);
  content.remove_prefix(sizeof head);
  if (head.json_bytes > content.size() || sum_of(content) != head.sum)
    throw Failure(kExitBadModel, path + " is damaged");
  Savegame game;
  try {
    const json all = json::parse(content.substr(0, head.json_bytes));
    std::string_view sessions = content.substr(head.json_bytes);
    game.seconds = all.at("seconds");
    game.seed = all.at("seed");
    game.turn = all.at("turn");
    for (std::size_t i = 0; i < kBodies; ++i) {
      const json& body = all.at("bodies").at(i);
      game.bodies[i] = {body.at("x"), body.at("z"), body.at("facing"), body.at("apples")};
    }
    for (std::size_t i = 0; i < kCharacters; ++i)
      game.characters[i] = character_of(all.at("characters").at(i), &sessions);
  } catch (const std::exception& error) {
    throw Failure(kExitBadModel, path + " is damaged: " + error.what());
  }
  return game;
}

}  // namespace pumice_game
