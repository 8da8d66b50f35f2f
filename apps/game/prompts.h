// What a character knows as tokens: a chat where the model has a template, else a story that goes on.
#pragma once

#include <optional>

#include "game/character.h"
#include "pumice/pumice.hpp"

namespace pumice_game {

class Prompts {
 public:
  // Both outlive it. chat: null where the model has no template.
  Prompts(const pumice::Model* model, pumice::Chat* chat) : model_(model), chat_(chat) {}

  // At most `most` tokens; the character forgets what does not fit.
  std::vector<std::int32_t> of(Character* character, std::size_t most) const;

 private:
  std::vector<std::int32_t> story(Character* character) const;
  std::vector<std::int32_t> conversation(const Character& character) const;

  const pumice::Model* model_;
  pumice::Chat* chat_;
};

}  // namespace pumice_game
