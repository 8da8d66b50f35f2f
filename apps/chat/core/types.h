// What a chat is made of: messages in a tree, and what is known of each. Plain data.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace pumice_chat {

using Json = nlohmann::ordered_json;
using Id = std::int64_t;  // 0: none

enum class Role { kSystem = 0, kUser = 1, kAssistant = 2 };
const char* role_name(Role role);  // as messages of a prompt have it

// Values are stored; new ones are only added.
enum class State {
  kDone = 0,
  kStreaming = 1,
  kStopped = 2,      // by the user
  kInterrupted = 3,  // the program ended before the reply did
  kFailed = 4,
  kLength = 5,  // at the limit of tokens
  kFull = 6,    // the context is full
};

// A file that goes with a message. Its text is part of the prompt; of a picture the path is kept.
struct Attachment {
  std::string name, text, picture;
};

// Of a reply: what it took.
struct ReplyFigures {
  std::uint32_t prompt_tokens = 0;    // of the whole prompt
  std::uint32_t held_tokens = 0;      // of them, that a sequence held: nothing was done
  std::uint32_t cached_tokens = 0;    // of them, found in the cache
  std::uint32_t computed_tokens = 0;  // of them, the rest
  std::uint32_t tokens = 0;           // generated
  double first_token_ms = 0;
  double tokens_per_second = 0;
  std::uint32_t left_out = 0;  // messages that the context had no room for
};

struct Message {
  Id id = 0, chat = 0, parent = 0;  // parent 0: begins the chat
  Role role = Role::kUser;
  State state = State::kDone;
  bool active = true;  // of the messages with the same parent, the one that is shown
  std::int64_t created_ms = 0;
  std::string content, reasoning;
  std::vector<Attachment> attachments;
  std::string model;    // that replied
  std::string problem;  // of a reply that failed
  ReplyFigures figures;
};

// How replies of a chat are made.
struct ChatSettings {
  std::string model;  // a path; empty: the one that is loaded
  std::string system;
  std::string schema;          // JSON Schema; empty: none
  bool model_sampling = true;  // as the model's file recommends
  double temperature = 0.8, top_p = 0.95, min_p = 0.05, repeat_penalty = 1.0;
  std::uint32_t top_k = 0, max_tokens = 0;
  std::uint64_t seed = 0;  // 0: drawn anew
  int thinking = 0;        // PumiceThinking
};

struct ChatInfo {
  Id id = 0;
  std::string title, folder;
  bool pinned = false;
  std::int64_t created_ms = 0, updated_ms = 0;
  ChatSettings settings;
};

Json to_json(const ChatSettings& settings);
// What is missing or of another kind stays at its default.
ChatSettings settings_of(const Json& json);
// All of a message but what the tree and the columns of the store have.
Json extra_of(const Message& message);
void set_extra(const Json& json, Message* message);

std::string dump(const Json& json);               // whatever bytes its texts have
std::string title_from(const std::string& text);  // its first line, shortened
std::int64_t now_ms();                            // since 1970

}  // namespace pumice_chat
