#include "game/director.h"

#include <algorithm>

#include "game/prompts.h"

namespace pumice_game {

namespace {

constexpr std::size_t kMostLog = 6;
constexpr float kPause = 1.5f, kShown = 6;

std::string quoted(const std::string& who, const std::string& text) { return who + " said: \"" + text + "\""; }

}  // namespace

void Director::note(const std::string& text) {
  log_.push_back(text);
  if (log_.size() > kMostLog) log_.pop_front();
}

void Director::advance(float seconds, Mind* mind, bool may_ask) {
  for (Speech& speech : speeches_) {
    speech.seconds = std::max(0.0f, speech.seconds - seconds);
    if (speech.seconds == 0) speech.text.clear();
  }
  tell_events();
  if (!mind || mind->state() != Mind::State::kReady) return;
  if (anybody_speaks()) {
    listen(mind);
    return;
  }
  pause_ = std::max(0.0f, pause_ - seconds);
  if (may_ask && (chatty_ || pause_ == 0 || !said_.empty())) ask_next(mind);
}

// Everybody sees what happens; whom it concerns remembers it.
void Director::tell_events() {
  for (const Event& event : world_->take_events()) {
    note(event.text);
    for (Character& character : *characters_)
      character.hear(event.text, event.who == character.who() || event.to == character.who());
  }
}

void Director::ask_next(Mind* mind) {
  std::size_t who = next_;
  if (!said_.empty()) {
    const auto [to, text] = said_.front();
    said_.pop_front();
    who = to;
    speeches_[kPlayer] = {text, kShown};
    note(quoted("You", text));
    for (Character& character : *characters_) character.hear(quoted(target_name(kPlayer), text), character.who() == to);
  }
  Character& character = (*characters_)[who];
  const Prompts prompts(&mind->model(), mind->chat());
  mind->ask(who, prompts.of(&character, mind->most_prompt_tokens()), seed_ * 1000003 + turn_);
  speaking_ = who;
  tokens_before_ = tokens_;
}

void Director::listen(Mind* mind) {
  const std::size_t who = speaking_;
  const Answer answer = mind->answer(who);
  tokens_ = tokens_before_ + answer.ids.size();
  const std::string spoken = spoken_so_far(answer.text);
  if (!spoken.empty()) speeches_[who] = {spoken, kShown};
  if (!answer.ended) return;
  speaking_ = kCharacters;
  pause_ = kPause;
  ++turn_;
  next_ = (who + 1) % kCharacters;
  carry_out(who, answer);
}

void Director::carry_out(std::size_t who, const Answer& answer) {
  const std::optional<Reply> reply = parse_reply(answer.text);
  if (!answer.problem.empty() || !reply) {
    note(std::string(kNames[who]) + " says nothing (" + (answer.problem.empty() ? "no reply" : answer.problem) + ")");
    return;
  }
  ++whole_;
  (*characters_)[who].answered(answer.text, answer.ids);
  for (Character& other : *characters_)
    if (other.who() != who) other.hear(quoted(target_name(who), reply->say), false);
  world_->begin(who, reply->act, reply->target);
  note(std::string(kNames[who]) + ": " + reply->say + "  [" + kActs[static_cast<std::size_t>(reply->act)] + ", " +
       target_name(reply->target) + "]");
  // Whoever is meant answers; every third time somebody else has a say.
  if (reply->target < kCharacters && reply->target != who && turn_ % 3 != 0) next_ = reply->target;
}

}  // namespace pumice_game
