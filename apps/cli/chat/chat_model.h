// A model that converses: messages in, a message out, streamed.
//
// The prompt of each turn is rendered anew, and only what differs from the tokens that the sequence already holds is
// computed. Where a conversation outgrows the context, its oldest turns are left out of the prompt, half a context at a
// time, so that the beginning stays the same for many turns. Thread rule: one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/session.h"
#include "pumice/pumice.hpp"

namespace pumice_cli {

using Json = nlohmann::ordered_json;

struct ReplyRequest {
  const Json* messages = nullptr;
  std::string tools;  // JSON text; may be empty
  PumiceThinking thinking = PUMICE_THINKING_AS_TEMPLATE;
  PumiceRequestOptions sampling = pumice_request_options_init();  // with its grammar
};

struct Reply {
  Json message;             // {"role": "assistant", "content", …}
  bool empty = true;        // nothing was said, thought or called
  const char* finish = "";  // as of finish_name()
  PumiceTimings timings = pumice_timings_init();
  double first_token_ms = 0;                           // from the messages on
  std::size_t prompt_tokens = 0, computed_tokens = 0;  // of the whole prompt, and of what the sequence did not hold
  std::size_t left_out = 0;                            // messages that the context had no room for
};

class ChatModel {
 public:
  // source: of a template instead of the file's; empty: none.
  ChatModel(const Session& session, const PumiceContextOptions& options, const std::string& source);

  // The file has no template, and none is known for its vocabulary: the messages are one text that it continues.
  bool plain() const { return plain_; }
  // A delta of pumice_chat_reply_push(); `tokens` so far. Ctrl-C ends the reply, which is then what has come.
  using OnDelta = std::function<void(const Json& delta, std::size_t tokens)>;
  // Throws pumice::Error, Failure. Then the next call computes the whole prompt.
  Reply reply(const ReplyRequest& request, const OnDelta& on_delta);

  // What the model holds of the last conversation, its keys and values too, for another run; empty: nothing. Throws
  // pumice::Error.
  std::string kept() const;
  // Instead of what it holds. Whatever it is of: a reply takes of it what its prompt begins with. Throws pumice::Error;
  // nothing is held then.
  void take_kept(const std::string& kept);

  const pumice::Model& model() const { return session_.model(); }
  const pumice::Chat& chat() const { return chat_; }
  pumice::Context& context() { return context_; }
  std::size_t held_tokens() const { return held_.size(); }
  std::uint32_t context_tokens() const { return context_tokens_; }

 private:
  pumice::ChatPrompt render(const ReplyRequest& request, std::size_t left_out) const;
  pumice::ChatPrompt fitting_prompt(const ReplyRequest& request);
  std::vector<std::int32_t> keep_common(const std::vector<std::int32_t>& ids);

  const Session& session_;
  bool plain_ = false;
  pumice::Chat chat_;
  pumice::Context context_;
  std::uint32_t context_tokens_;
  std::optional<pumice::Sequence> sequence_;
  std::vector<std::int32_t> held_;  // the sequence's tokens
  std::size_t left_out_ = 0;        // messages behind the system's
};

}  // namespace pumice_cli
