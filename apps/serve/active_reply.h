// ActiveReply: a reply on its way: what its request brings, taken apart and said. The thread of its model's worker.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "pumice/pumice.hpp"
#include "serve/generation.h"
#include "serve/metrics.h"
#include "serve/stop_filter.h"

namespace pumice_serve {

struct ActiveReply {
  using Clock = std::chrono::steady_clock;

  std::shared_ptr<Job> job;
  std::size_t index = 0;  // of the job's
  const pumice::Model* model = nullptr;
  std::size_t prompt_tokens = 0;  // with those of pictures and of what stands before them
  pumice::Sequence sequence;
  pumice::Request request;
  std::optional<pumice::ChatReply> parser;  // of a chat
  StopFilter filter;
  std::string plain_tools;              // see plain_tools.h; empty: it has none, or the template has a form for them
  std::string content = {}, held = {};  // said; and what may become a plain call
  Json plain_call = {};
  Json likely = {};    // log-probabilities of tokens that have come, as OpenAI has them; null: none
  bool calls = false;  // it calls tools
  Clock::time_point begun = Clock::now(), last_token = {};

  // False: it has ended, and has said so. Throws pumice::Error where the device is lost.
  bool advance(const pumice::Context& context, Metrics& metrics);
  void take(const PumicePoll& news, Metrics& metrics);
  void take_likely(const PumicePoll& news);
  void say_delta(Json delta);
  void hand_out(Json delta);
  void say_rest();
  void end(PumiceRequestStatus status, Metrics& metrics);
};

}  // namespace pumice_serve
