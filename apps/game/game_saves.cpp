// Saving and loading of a game: the sessions of its characters on a thread, so that frames go on.
#include <algorithm>

#include "game/game.h"
#include "game/notes.h"

namespace pumice_game {

Savegame Game::snapshot() const {
  Savegame game;
  game.seconds = world_.seconds();
  game.seed = options_.seed;
  game.turn = director_.turn();
  for (std::size_t i = 0; i < kBodies; ++i) {
    const Body& body = world_.body(i);
    game.bodies[i] = {body.at.x, body.at.z, body.facing, body.apples};
  }
  for (std::size_t i = 0; i < kCharacters; ++i) {
    game.characters[i].lines = characters_[i].lines();
    game.characters[i].facts = characters_[i].facts();
    if (mind_ && mind_->state() == Mind::State::kReady) game.characters[i].tokens = mind_->tokens(i);
  }
  return game;
}

void Game::write_save(Savegame game) {
  for (std::size_t i = 0; i < kCharacters; ++i)
    if (!game.characters[i].tokens.empty()) game.characters[i].session = mind_->save_session(i);
  write_savegame(options_.save, game);
}

// A sequence with a request cannot be saved: when the one who speaks has ended.
void Game::begin_saving() {
  if (saving_.valid() || director_.anybody_speaks()) return;
  save_wanted_ = false;
  saving_ = std::async(std::launch::async, [this, game = snapshot()]() mutable { write_save(std::move(game)); });
}

void Game::finish_saving(bool wait) {
  if (!options_.save.empty() && director_.whole_replies() > saved_at_) {
    saved_at_ = director_.whole_replies();
    save_wanted_ = true;
  }
  if (!saving_.valid()) return;
  if (!wait && saving_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
  try {
    saving_.get();
    state_.notice = "saved";
  } catch (const std::exception& error) {
    state_.notice = "not saved";
    note(error.what());
  }
}

void Game::last_save() {
  finish_saving(true);
  if (options_.save.empty()) return;
  director_.interrupt();
  if (mind_) mind_->give_up();
  write_save(snapshot());
}

void Game::restore(const std::string& path) {
  Savegame game = read_savegame(path);
  director_.interrupt();
  finish_saving(true);
  if (mind_) mind_->give_up();
  world_.set_seconds(game.seconds);
  director_.set_turn(game.turn);
  for (std::size_t i = 0; i < kBodies; ++i) {
    Body& body = world_.body(i);
    body.at = {game.bodies[i].x, 0, game.bodies[i].z};
    body.facing = game.bodies[i].facing;
    body.apples = game.bodies[i].apples;
    body.deed = {};
  }
  for (std::size_t i = 0; i < kCharacters; ++i)
    characters_[i].restore(game.characters[i].lines, game.characters[i].facts);
  state_.notice = "loaded";
  to_restore_ = std::move(game);
}

// While the game is played: a file that is not there or is damaged leaves it as it was.
void Game::load_saved() {
  try {
    restore(options_.save);
  } catch (const Failure& failure) {
    state_.notice = "not loaded";
    note(failure.what());
    return;
  }
  if (mind_) restore_minds();
}

// What another model has computed is worth nothing to this one, and its tokens mean something else.
void Game::restore_minds() {
  const Savegame game = std::move(*to_restore_);
  to_restore_.reset();
  for (std::size_t i = 0; i < kCharacters; ++i) {
    const SavedCharacter& saved = game.characters[i];
    if (saved.session.empty()) continue;
    try {
      mind_->load_session(i, saved.session, saved.tokens);
    } catch (const pumice::Error& error) {
      if (error.code() == PUMICE_DEVICE_LOST) throw Failure(kExitDeviceLost, error.what());
      note(std::string(kNames[i]) + "'s conversation is read anew: " + error.what());
      for (Line& line : characters_[i].lines()) line.ids.clear();
    }
  }
}

}  // namespace pumice_game
