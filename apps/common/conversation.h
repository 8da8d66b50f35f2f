// A conversation with its branches, as applications keep it.
//
// Whatever would take text back (another reply, another question) starts a branch instead: nothing that was said is
// lost. Messages are objects as OpenAI's interface has them. Thread rule: one thread at a time.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pumice_apps {

// Its content, where that is a text.
std::string text_of(const nlohmann::ordered_json& message);

class Conversation {
 public:
  using Json = nlohmann::ordered_json;

  // Of the current branch: an array.
  const Json& messages() const { return branches_[current_]; }
  std::size_t current() const { return current_; }
  std::size_t branches() const { return branches_.size(); }
  const Json& branch(std::size_t index) const { return branches_[index]; }
  std::size_t turns() const;  // questions in the current branch
  bool waits_for_reply() const;

  std::string system() const;
  void set_system(const std::string& text);  // an empty one: none
  void add(Json message) { branches_[current_].push_back(std::move(message)); }

  // All but the last reply, on a branch of its own. False: there is no reply.
  bool take_back_reply();
  // Up to the question of a turn, from 1, which becomes `text`. False: there is no such turn.
  bool edit(std::size_t turn, const std::string& text);
  // A copy up to a turn and its reply. False: there is no such turn.
  bool start_branch(std::size_t turn);
  bool switch_to(std::size_t index);

  // Of the keys and values that are kept beside the file, a digest; empty: none are.
  const std::string& kv_digest() const { return kv_digest_; }
  void set_kv_digest(std::string digest) { kv_digest_ = std::move(digest); }

  std::string json() const;
  // Nothing where the text is no conversation.
  static std::optional<Conversation> parse(const std::string& text);

 private:
  std::size_t place_of(std::size_t turn) const;  // of a turn's question; the end where there is none
  void continue_on(Json messages);

  std::vector<Json> branches_ = {Json::array()};
  std::size_t current_ = 0;
  std::string kv_digest_;
};

}  // namespace pumice_apps
