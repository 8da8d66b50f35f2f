// What a model is asked for, and what becomes of it; whatever protocol asked. Values.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "pumice/pumice.hpp"
#include "serve/exchange.h"

namespace pumice_serve {

// What is not given is the model's own recommendation, else what the server was started with.
struct Sampling {
  std::optional<float> temperature, top_p, min_p, repeat_penalty, frequency_penalty, presence_penalty;
  std::optional<std::uint32_t> top_k, max_tokens;
  std::optional<std::uint64_t> seed;
  std::optional<std::map<std::size_t, float>> adapters;  // scales by place; those that are not named are 0
};

struct GrammarText {
  PumiceGrammarKind kind = PUMICE_GRAMMAR_JSON_SCHEMA;
  std::string text;
};

// Pictures of a chat: where the messages have the mark, the next one stands.
struct Pictures {
  std::string mark;                // that no client can know
  std::vector<std::string> files;  // their bytes
};

struct Generation {
  std::string model, group;
  Json messages;                  // as OpenAI's; null: of a prompt
  std::string prompt;             // instead: a text that is continued as it is,
  std::vector<std::int32_t> ids;  // or tokens
  bool continue_last = false;     // the last message is the beginning of the reply
  std::string tools;              // JSON text; empty: none
  PumiceToolChoice tool_choice = PUMICE_TOOLS_AUTO;
  std::string tool_name;  // the only one that may be called; empty: any
  bool one_call = false;
  PumiceThinking thinking = PUMICE_THINKING_AS_TEMPLATE;
  std::string variables;  // JSON text: further ones of the template
  std::optional<GrammarText> grammar;
  std::vector<std::string> stop;
  Sampling sampling;
  std::uint32_t n = 1;  // replies
  std::vector<PumiceTokenBias> biases;
  bool log_probabilities = false;
  std::uint32_t top_tokens = 0;  // with them
  Pictures pictures;
  std::int64_t priority = 0;  // within the group; lower ones go first
  std::optional<std::chrono::steady_clock::time_point> deadline;

  bool chat() const { return messages.is_array(); }
};

struct Embedding {
  std::string model, group;
  std::vector<std::string> texts;
  std::vector<std::vector<std::int32_t>> ids;  // instead of texts
};
struct Embedded {
  std::vector<std::vector<float>> vectors;
  std::size_t tokens = 0;
};

struct Transcription {
  std::string model, group;
  std::string sound;     // a file
  std::string language;  // empty: what is likeliest at its beginning
  std::string prompt;    // said before the sound
  bool translate = false, words = false;
};
struct Transcribed {
  struct Piece {
    std::uint64_t from_ms = 0, to_ms = 0;
    std::string text;
    double log_probability = 0, no_speech = 0;  // of segments
  };
  std::string language;
  double seconds = 0;
  std::vector<Piece> segments, words;
};

// How a reply ended.
struct Finish {
  std::string reason;         // "stop", "length", "tool_calls"
  std::string stop_sequence;  // that ended it; empty: none did
  Json message;               // {"role": "assistant", "content", "reasoning_content", "tool_calls"}
  PumiceTimings timings = pumice_timings_init();
};

// What a worker says of a job, in this order: kStarted, kDelta…, kFinished, for each reply; kFailed ends all of them.
struct Event {
  enum class Kind { kStarted, kDelta, kFinished, kEmbedded, kTranscribed, kFailed };
  Kind kind = Kind::kStarted;
  std::size_t reply = 0;
  std::size_t prompt_tokens = 0;  // kStarted
  Json delta;                     // kDelta: as of pumice_chat_reply_push(), and "logprobs": as OpenAI's, by token
  Finish finish;                  // kFinished
  Embedded embedded;              // kEmbedded
  Transcribed transcribed;        // kTranscribed
  std::shared_ptr<ApiError> error;
};

using Task = std::variant<Generation, Embedding, Transcription>;

// A job on its way. `sink` may be called on any thread; nothing is said after cancel(), which any thread may call.
struct Job {
  Task task;
  std::function<void(Event)> sink;
  std::atomic<bool> cancelled{false};

  const std::string& model() const {
    return std::visit([](const auto& each) -> const std::string& { return each.model; }, task);
  }
  std::size_t replies() const {
    const auto* generation = std::get_if<Generation>(&task);
    return generation ? generation->n : 0;
  }
  std::int64_t priority() const {
    const auto* generation = std::get_if<Generation>(&task);
    return generation ? generation->priority : 0;
  }
  bool late() const {
    const auto* generation = std::get_if<Generation>(&task);
    return generation && generation->deadline && std::chrono::steady_clock::now() > *generation->deadline;
  }
  const std::string& group() const {
    return std::visit([](const auto& each) -> const std::string& { return each.group; }, task);
  }
};

// Of a job whose deadline came before its first token.
inline const ApiError kLate(504, "the deadline came before the first token", "deadline_ms", "deadline_exceeded");

void say(const Job& job, Event event);
void say_failed(const Job& job, const ApiError& error);
ApiError api_error(const pumice::Error& error);

}  // namespace pumice_serve
