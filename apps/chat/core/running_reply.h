// A reply that is being written. Thread rule: the engine's.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "chat/core/engine_types.h"
#include "chat/core/loaded_model.h"

namespace pumice_chat {

class RunningReply {
 public:
  // Renders the prompt and submits it. Throws pumice::Error, and std::runtime_error for pictures that cannot be read.
  RunningReply(LoadedModel& model, const ReplyOrder& order);
  // What was given back is known to the branch as far as the reply came.
  ~RunningReply();
  RunningReply(const RunningReply&) = delete;
  RunningReply& operator=(const RunningReply&) = delete;

  Id ticket() const { return ticket_; }
  void cancel() { request_->cancel(); }
  void wait(int ms) { request_->wait(ms); }
  // Takes what there is. True: the reply has ended; see end().
  bool look();
  // What has come since the last call.
  ReplyNews take_news();
  bool has_news() const { return !news_.content.empty() || !news_.reasoning.empty(); }
  const ReplyEnd& end() const { return end_; }

 private:
  using Clock = std::chrono::steady_clock;
  void submit(const ReplyOrder& order, const PromptMaker::Prompt& prompt);
  std::vector<std::int32_t> append_pictures(const ReplyOrder& order, const PromptMaker::Prompt& prompt);
  PumiceRequestOptions sampling(const ReplyOrder& order, std::size_t prompt_tokens);
  void note_messages(const ReplyOrder& order, std::size_t left_out);
  void hear(const std::string& delta);
  void finish(const PumicePoll& news);

  LoadedModel& model_;
  Id ticket_;
  Clock::time_point start_ = Clock::now();
  std::optional<pumice::Grammar> grammar_;
  std::optional<pumice::ChatReply> parser_;
  Branches::Branch* branch_ = nullptr;
  std::optional<pumice::Sequence> with_pictures_;  // is no branch
  std::optional<pumice::Request> request_;
  std::vector<std::int32_t> prompt_ids_, ids_;
  ReplyNews news_;
  ReplyEnd end_;
  bool known_ = true;  // what the sequence holds
};

}  // namespace pumice_chat
