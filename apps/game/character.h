// Who somebody is, what he has seen and heard, and what he answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "game/world.h"

namespace pumice_game {

// What the model says, in the form that reply_schema() asks for.
struct Reply {
  std::string say;
  Act act = Act::kWait;
  std::size_t target = kBodies;
};
std::optional<Reply> parse_reply(std::string_view json);
// JSON Schema of {say, action, target}: what `who` can do to whom.
std::string reply_schema(std::size_t who);
// What there is already of "say" in the beginning of a reply.
std::string spoken_so_far(std::string_view json);

struct Line {
  std::string text;               // of a reply its JSON
  bool own = false;               // a reply
  bool keeps = false;             // worth remembering when the conversation has become too long
  std::vector<std::int32_t> ids;  // of a reply as it was generated, of others once they are tokenised
};

class Character {
 public:
  explicit Character(std::size_t who) : who_(who) {}

  std::size_t who() const { return who_; }
  const char* name() const { return kNames[who_]; }
  std::string persona() const;
  // Whom he is, and what he remembers: the beginning of each prompt. It stays the same until forget().
  std::string introduction() const;

  void hear(const std::string& text, bool keeps) { lines_.push_back({text, false, keeps, {}}); }
  void answered(const std::string& json, std::vector<std::int32_t> ids) {
    lines_.push_back({json, true, false, std::move(ids)});
  }
  // The older half of the lines goes; of it the facts stay.
  void forget();

  std::vector<Line>& lines() { return lines_; }
  const std::vector<Line>& lines() const { return lines_; }
  const std::vector<std::string>& facts() const { return facts_; }
  void restore(std::vector<Line> lines, std::vector<std::string> facts) {
    lines_ = std::move(lines);
    facts_ = std::move(facts);
  }

 private:
  std::size_t who_;
  std::vector<Line> lines_;
  std::vector<std::string> facts_;  // oldest first
};

}  // namespace pumice_game
