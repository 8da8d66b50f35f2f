#include "cli/chat/talk.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cli/interrupt.h"
#include "cli/output.h"
#include "common/digest.h"
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
  note_turn();
  if (last_->empty) return;
  kv_is_old_ = true;
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

// What the model holds, so that going on another time computes none of it again. It only saves time: what goes wrong is
// told, and no more.
void Talk::keep_kv() {
  if (file_.empty() || !keeps_kv_) return;
  conversation_.set_kv_digest({});
  try {
    const std::string kept = model_.kept();
    if (kept.empty()) return;
    const int reason = pumice_apps::write_durably(kv_file(), kept);
    if (reason == 0) return conversation_.set_kv_digest(pumice_apps::digest_of(kept));
    screen_.say(fmt::format("cannot write {}: {}", printable(kv_file()), pumice_apps::reason_text(reason)));
  } catch (const pumice::Error& error) {
    screen_.say(fmt::format("keys and values are not kept: {}", error.what()));
  }
}

// Those of the file, if they are what this conversation was kept with.
void Talk::take_kv() {
  if (!keeps_kv_ || conversation_.kv_digest().empty()) return;
  std::string kept;
  try {
    const int reason = pumice_apps::read_all(kv_file(), &kept);
    if (reason == 0 && pumice_apps::digest_of(kept) == conversation_.kv_digest()) return model_.take_kept(kept);
    screen_.say(fmt::format("{} {}: the conversation is read again", printable(kv_file()),
                            reason == 0 ? "is not what was kept" : pumice_apps::reason_text(reason)));
  } catch (const pumice::Error& error) {
    screen_.say(
        fmt::format("{} is of no use here ({}): the conversation is read again", printable(kv_file()), error.what()));
  }
}

void Talk::close() {
  if (file_.empty() || !std::exchange(kv_is_old_, false)) return;
  keep_kv();
  keep();
}

void Talk::note_turn() {
  constexpr std::size_t kMost = 10;
  const std::size_t found = std::min<std::size_t>(last_->timings.cached_tokens, last_->computed_tokens);
  turns_.push_back({last_->prompt_tokens, last_->computed_tokens - found, last_->first_token_ms});
  if (turns_.size() > kMost) turns_.erase(turns_.begin());
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
  kv_is_old_ = false;
  take_kv();
}

}  // namespace pumice_cli
