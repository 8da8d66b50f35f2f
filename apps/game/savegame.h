// Savegames: who is where, what everybody remembers, and each character's conversation as the model has it computed.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "game/character.h"
#include "game/world.h"

namespace pumice_game {

struct SavedCharacter {
  std::vector<Line> lines;
  std::vector<std::string> facts;
  std::vector<std::int32_t> tokens;  // of its sequence
  std::string session;               // empty: there was no model
};

struct SavedBody {
  float x = 0, z = 0, facing = 0;
  int apples = 0;
};

struct Savegame {
  double seconds = 0;
  std::uint64_t seed = 1, turn = 0;  // replies so far
  std::array<SavedBody, kBodies> bodies;
  std::array<SavedCharacter, kCharacters> characters;
};

// A file that appears whole or not at all. Throws Failure(kExitIo). Any thread.
void write_savegame(const std::string& path, const Savegame& game);
// Throws Failure: kExitNotFound, or kExitBadModel for one that is damaged.
Savegame read_savegame(const std::string& path);

}  // namespace pumice_game
