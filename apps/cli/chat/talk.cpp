#include "cli/chat/talk.h"

#include <fmt/format.h>

#include <utility>

#include "cli/interrupt.h"
#include "cli/output.h"
#include "common/system.h"

namespace pumice_cli {

namespace {

double tokens_per_second(const PumiceTimings& timings) {
  return timings.generated_tokens > 1 && timings.decode_ms > 0
             ? 1000.0 * (timings.generated_tokens - 1) / timings.decode_ms
             : 0;
}

}  // namespace

bool Talk::take(const std::string& entry) {
  const pumice_apps::Conversation before = conversation_;
  Next next = Next::kReply;
  if (entry.starts_with('/') && !entry.starts_with("//"))
    next = run_command(entry);
  else
    conversation_.add({{"role", "user"}, {"content", entry.starts_with("//") ? entry.substr(1) : entry}});
  if (next != Next::kReply) return next == Next::kRead;
  try {
    reply();
  } catch (...) {
    conversation_ = before;
    throw;
  }
  if (!last_ || !last_->empty) return true;
  conversation_ = before;
  screen_.say("no reply; the question is taken back");
  return true;
}

void Talk::reply() {
  ReplyRequest request;
  request.messages = &conversation_.messages();
  request.tools = tools_;
  // A form leaves no room for reasoning.
  request.thinking = form_ || forced_ || sampling_.grammar ? PUMICE_THINKING_OFF : thinking_;
  request.sampling = sampling_;
  request.sampling.seed = seed_ + replies_++;
  const std::optional<pumice::Grammar>& grammar = form_ ? form_ : calls_;
  if (grammar) request.sampling.grammar = grammar->get();
  const pumice_apps::HiddenTyping hidden;  // it would stand in the middle of the reply
  screen_.begin();
  last_ = model_.reply(request, [&](const Json& delta, std::size_t tokens) { screen_.show(delta, tokens); });
  screen_.end();
  if (last_->empty) return;
  conversation_.add(last_->message);
  keep();
  if (last_->left_out > left_out_)
    screen_.say(fmt::format("the context has no room for the oldest {} messages; the model does not see them any more",
                            last_->left_out));
  left_out_ = last_->left_out;
  const std::string_view finish = last_->finish;
  if (finish == "context") screen_.say("the context is full: the reply is cut; --ctx makes more room");
  if (finish == "length") screen_.say("the reply is as long as -n allows, and cut");
  if (!screen_.interactive()) return;
  const std::size_t held = model_.held_tokens(), all = model_.context_tokens();
  screen_.say(fmt::format("[{:.1f} tokens/s, first token after {:.2f} s, context {} of {} ({} %){}]",
                          tokens_per_second(last_->timings), last_->first_token_ms / 1000, held, all, 100 * held / all,
                          finish == "cancelled" ? ", stopped" : ""));
}

// Where the conversation has a file, all that was said is in it before the next question is read.
void Talk::keep() {
  if (file_.empty()) return;
  const int reason = pumice_apps::write_durably(file_, conversation_.json());
  if (reason == 0) return;
  throw Failure(kExitIo, fmt::format("cannot write {}: {}; '/save FILE' keeps the conversation elsewhere",
                                     printable(file_), pumice_apps::reason_text(reason)));
}

void Talk::open(const std::string& file) {
  std::string text;
  if (const int reason = pumice_apps::read_all(file, &text); reason != 0)
    throw Failure(kExitNotFound, fmt::format("cannot read {}: {}", printable(file), pumice_apps::reason_text(reason)));
  std::optional<pumice_apps::Conversation> read = pumice_apps::Conversation::parse(text);
  if (!read) throw Failure(kExitBadModel, fmt::format("{} is no conversation that '/save' wrote", printable(file)));
  conversation_ = std::move(*read);
  file_ = file;
  left_out_ = 0;
}

}  // namespace pumice_cli
