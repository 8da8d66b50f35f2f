#include "chat/core/running_reply.h"

#include <algorithm>
#include <random>
#include <stdexcept>
#include <utility>

#include "common/system.h"

namespace pumice_chat {

namespace {

State state_of(PumiceRequestStatus status) {
  switch (status) {
    case PUMICE_REQUEST_FINISHED_LENGTH:
      return State::kLength;
    case PUMICE_REQUEST_FINISHED_CONTEXT:
      return State::kFull;
    case PUMICE_REQUEST_CANCELLED:
      return State::kStopped;
    case PUMICE_REQUEST_FAILED:
      return State::kFailed;
    default:
      return State::kDone;
  }
}

std::string delta_text(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_string() ? at->get<std::string>() : std::string();
}

}  // namespace

RunningReply::RunningReply(LoadedModel& model, const ReplyOrder& order) : model_(model), ticket_(order.ticket) {
  news_.ticket = end_.ticket = ticket_;
  const std::size_t window = model.facts().window_tokens;
  const PromptMaker::Prompt prompt = model.prompts().fitting(order, window);
  if (!order.settings.schema.empty())
    grammar_.emplace(model.model(), PUMICE_GRAMMAR_JSON_SCHEMA, order.settings.schema);
  PumiceChatReplyOptions options = pumice_chat_reply_options_init();
  options.prompt = {prompt.rendered.text.data(), prompt.rendered.text.size()};
  parser_.emplace(model.prompts().chat(), options);
  end_.figures.left_out = static_cast<std::uint32_t>(prompt.left_out);
  try {
    submit(order, prompt);
  } catch (...) {
    if (branch_) model_.branches().give_back(*branch_, {});
    throw;
  }
}

RunningReply::~RunningReply() {
  request_.reset();
  if (!branch_) return;
  std::vector<std::int32_t> holds;
  if (known_) {
    holds = std::move(prompt_ids_);
    holds.insert(holds.end(), ids_.begin(), ids_.end());
  }
  model_.branches().give_back(*branch_, std::move(holds));
}

void RunningReply::submit(const ReplyOrder& order, const PromptMaker::Prompt& prompt) {
  const bool pictures = model_.facts().sees && !pictures_of(order.messages, prompt.left_out).empty();
  std::vector<std::int32_t> rest;
  std::size_t held = 0, computed = 0;
  prompt_ids_ = prompt.rendered.ids;
  if (pictures) {
    with_pictures_.emplace(model_.context());
    rest = append_pictures(order, prompt);
  } else {
    branch_ = &model_.branches().take(model_.context(), order.chat, prompt_ids_, &held);
    computed = std::min<std::size_t>(held, branch_->sequence.info().computed);
    branch_->sequence.truncate(static_cast<std::uint32_t>(held));
    note_messages(order, prompt.left_out);
    rest.assign(prompt_ids_.begin() + static_cast<std::ptrdiff_t>(held), prompt_ids_.end());
  }
  end_.figures.prompt_tokens = static_cast<std::uint32_t>(prompt_ids_.size());
  end_.figures.held_tokens = static_cast<std::uint32_t>(computed);
  pumice::Sequence& sequence = branch_ ? branch_->sequence : *with_pictures_;
  request_.emplace(sequence.submit(rest, sampling(order, prompt_ids_.size())));
}

void RunningReply::note_messages(const ReplyOrder& order, std::size_t left_out) {
  branch_->messages.clear();
  if (!order.settings.system.empty())
    branch_->messages.push_back({.role = Role::kSystem, .text = order.settings.system});
  for (std::size_t i = left_out; i < order.messages.size(); ++i)
    branch_->messages.push_back(
        {.message = order.messages[i].id, .role = order.messages[i].role, .text = order.messages[i].content});
  branch_->reply = ticket_;
  branch_->prompt_tokens = prompt_ids_.size();
  branch_->placed = false;
}

// The text before each picture, then the picture; what stands behind the last one is left to compute.
std::vector<std::int32_t> RunningReply::append_pictures(const ReplyOrder& order, const PromptMaker::Prompt& prompt) {
  const std::string placeholder = model_.model().image_placeholder();
  const std::string& text = prompt.rendered.text;
  std::size_t at = 0;
  for (const std::string& path : pictures_of(order.messages, prompt.left_out)) {
    const std::size_t next = text.find(placeholder, at);
    if (next == std::string::npos) throw std::runtime_error("the prompt has no place for a picture");
    const std::vector<std::int32_t> before = model_.model().tokenize(
        text.substr(at, next - at),
        at == 0 ? PUMICE_TOKENIZE_PARSE_SPECIAL | PUMICE_TOKENIZE_ADD_SPECIAL : PUMICE_TOKENIZE_PARSE_SPECIAL);
    if (!before.empty()) with_pictures_->append(before);
    std::string bytes;
    if (const int reason = pumice_apps::read_all(path, &bytes); reason != 0)
      throw std::runtime_error("cannot read the picture " + path + ": " + pumice_apps::reason_text(reason));
    PumiceImage image = pumice_image_init();
    image.file = bytes.data();
    image.file_size = bytes.size();
    with_pictures_->append(image);
    at = next + placeholder.size();
  }
  return model_.model().tokenize(text.substr(at), PUMICE_TOKENIZE_PARSE_SPECIAL);
}

PumiceRequestOptions RunningReply::sampling(const ReplyOrder& order, std::size_t prompt_tokens) {
  const ChatSettings& s = order.settings.model_sampling ? model_.facts().recommended : order.settings;
  PumiceRequestOptions options = pumice_request_options_init();
  options.temperature = static_cast<float>(s.temperature);
  options.top_p = static_cast<float>(s.top_p);
  options.min_p = static_cast<float>(s.min_p);
  options.top_k = s.top_k;
  options.repeat_penalty = static_cast<float>(s.repeat_penalty);
  options.seed = order.settings.seed != 0 ? order.settings.seed : std::random_device()();
  options.grammar = grammar_ ? grammar_->get() : nullptr;
  const std::size_t window = model_.facts().window_tokens;
  const std::size_t room = window > prompt_tokens ? window - prompt_tokens : 1;
  const std::size_t most = order.settings.max_tokens > 0 ? order.settings.max_tokens : room;
  options.max_tokens = static_cast<std::uint32_t>(std::min(most, room));
  return options;
}

void RunningReply::hear(const std::string& delta) {
  if (delta.empty()) return;
  const Json json = Json::parse(delta, nullptr, false);
  news_.content += delta_text(json, "content");
  news_.reasoning += delta_text(json, "reasoning_content");
}

bool RunningReply::look() {
  const PumicePoll news = request_->poll();
  news_.prompt_done = news.prompt_done;
  news_.prompt_total = news.prompt_total;
  news_.queued = news.queued != 0;
  news_.paused = news.paused != PUMICE_OK;
  if (news.count > 0) {
    if (ids_.empty())
      end_.figures.first_token_ms = std::chrono::duration<double, std::milli>(Clock::now() - start_).count();
    const std::vector<std::int32_t> fresh(news.ids, news.ids + news.count);
    ids_.insert(ids_.end(), fresh.begin(), fresh.end());
    hear(parser_->push(fresh));
  }
  news_.tokens = static_cast<std::uint32_t>(ids_.size());
  if (news.status == PUMICE_REQUEST_RUNNING) return false;
  finish(news);
  return true;
}

void RunningReply::finish(const PumicePoll& news) {
  hear(parser_->finish());
  end_.state = state_of(news.status);
  if (news.status == PUMICE_REQUEST_FAILED) {
    known_ = false;
    end_.problem = pumice_result_name(news.result);
    try {
      model_.context().check(news.result);
    } catch (const pumice::Error& error) {
      end_.problem = error.what();
    }
  }
  const PumiceTimings timings = request_->timings();
  ReplyFigures& figures = end_.figures;
  const bool full = figures.prompt_tokens + ids_.size() >= model_.facts().window_tokens;
  if (end_.state == State::kLength && full) end_.state = State::kFull;
  figures.cached_tokens = timings.cached_tokens;
  figures.computed_tokens =
      figures.prompt_tokens - std::min(figures.prompt_tokens, figures.held_tokens + figures.cached_tokens);
  figures.tokens = static_cast<std::uint32_t>(ids_.size());
  if (timings.generated_tokens > 1 && timings.decode_ms > 0)
    figures.tokens_per_second = 1000.0 * (timings.generated_tokens - 1) / timings.decode_ms;
}

ReplyNews RunningReply::take_news() {
  ReplyNews taken = news_;
  news_.content.clear();
  news_.reasoning.clear();
  return taken;
}

}  // namespace pumice_chat
