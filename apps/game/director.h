// Who speaks when: lets characters answer, and carries out what they have decided.
#pragma once

#include <array>
#include <deque>
#include <string>
#include <utility>

#include "game/character.h"
#include "game/mind.h"
#include "game/world.h"

namespace pumice_game {

struct Speech {
  std::string text;
  float seconds = 0;  // that it is still shown
};

class Director {
 public:
  // chatty: without pauses. Both pointers outlive it.
  Director(World* world, std::array<Character, kCharacters>* characters, std::uint64_t seed, bool chatty)
      : world_(world), characters_(characters), seed_(seed), chatty_(chatty) {}

  // Said by the player; answered before anybody else speaks.
  void player_says(std::size_t to, const std::string& text) { said_.emplace_back(to, text); }
  // mind: null or not ready: nobody speaks. may_ask: whether somebody may begin to.
  void advance(float seconds, Mind* mind, bool may_ask);
  // The one who is answering was interrupted: a savegame, another way, the end.
  void interrupt() { speaking_ = kCharacters; }

  bool anybody_speaks() const { return speaking_ < kCharacters; }
  const Speech& speech(std::size_t who) const { return speeches_[who]; }
  const std::deque<std::string>& log() const { return log_; }
  std::uint64_t turn() const { return turn_; }
  void set_turn(std::uint64_t turn) { turn_ = turn; }
  std::uint64_t whole_replies() const { return whole_; }
  std::size_t tokens_seen() const { return tokens_; }  // of all replies

 private:
  void tell_events();
  void ask_next(Mind* mind);
  void listen(Mind* mind);
  void carry_out(std::size_t who, const Answer& answer);
  void note(const std::string& text);

  World* world_;
  std::array<Character, kCharacters>* characters_;
  std::uint64_t seed_;
  bool chatty_;
  std::array<Speech, kBodies> speeches_;
  std::deque<std::pair<std::size_t, std::string>> said_;
  std::deque<std::string> log_;
  std::size_t speaking_ = kCharacters, next_ = 0, tokens_ = 0, tokens_before_ = 0;
  std::uint64_t turn_ = 0, whole_ = 0;
  float pause_ = 0.5f;
};

}  // namespace pumice_game
