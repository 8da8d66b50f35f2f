#include "cli/chat/chat_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/run.h"
#include "common/system.h"

namespace pumice_cli {

namespace {

// For models that were never taught to converse: what was said, as one text.
constexpr std::string_view kPlainTemplate =
    "{% for message in messages %}{{ message['content'] }}{% if not loop.last %} {% endif %}{% endfor %}";

pumice::Chat chat_of(const Session& session, std::string_view source) {
  PumiceChatOptions options = pumice_chat_options_init();
  options.source = source.data();
  options.source_length = source.size();
  return pumice::Chat(session.instance(), &session.model(), options);
}

pumice::Chat chat_of(const Session& session, const std::string& source, bool* plain) {
  if (!source.empty()) return chat_of(session, source);
  try {
    return pumice::Chat(session.instance(), &session.model());
  } catch (const pumice::Error& error) {
    if (error.code() != PUMICE_NOT_FOUND) throw;
  }
  *plain = true;
  return chat_of(session, kPlainTemplate);
}

bool is_system(const Json& message) { return message["role"] == "system" || message["role"] == "developer"; }

// Without the oldest messages behind the system's; they begin with a question again.
Json shortened(const Json& messages, std::size_t left_out) {
  Json kept = Json::array();
  std::size_t left = left_out;
  for (const Json& message : messages) {
    if (!is_system(message) && left > 0)
      --left;
    else
      kept.push_back(message);
  }
  return kept;
}

// The next question behind `left_out` messages; the same where there is none.
std::size_t next_question(const Json& messages, std::size_t left_out) {
  std::size_t at = 0;
  for (const Json& message : messages) {
    if (is_system(message)) continue;
    if (at > left_out && message["role"] == "user") return at;
    ++at;
  }
  return left_out;
}

std::string json_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

bool is_empty(const Json& message) {
  const auto says = [&](const char* key) {
    return message.contains(key) && !message[key].empty() && message[key] != "";
  };
  return !says("content") && !says("reasoning_content") && !says("tool_calls");
}

}  // namespace

ChatModel::ChatModel(const Session& session, const PumiceContextOptions& options, const std::string& source)
    : session_(session),
      chat_(chat_of(session, source, &plain_)),
      context_(session.model(), options),
      context_tokens_(context_.stats().context_tokens) {}

pumice::ChatPrompt ChatModel::render(const ReplyRequest& request, std::size_t left_out) const {
  const std::string messages = json_text(shortened(*request.messages, left_out));
  PumiceChatRenderOptions options = pumice_chat_render_options_init();
  options.messages = {messages.data(), messages.size()};
  options.tools = {request.tools.data(), request.tools.size()};
  options.thinking = request.thinking;
  options.now = pumice_apps::local_seconds();
  return chat_.render(options);
}

// Room for a reply is a quarter of the context, or all that it may have where that is less.
pumice::ChatPrompt ChatModel::fitting_prompt(const ReplyRequest& request) {
  const std::size_t most = request.sampling.max_tokens;
  const std::size_t quarter = context_tokens_ / 4, room = most > 0 ? std::min(most, quarter) : quarter;
  if (left_out_ >= request.messages->size()) left_out_ = 0;
  pumice::ChatPrompt prompt = render(request, left_out_);
  if (prompt.ids.size() + room <= context_tokens_) return prompt;
  while (prompt.ids.size() > context_tokens_ / 2) {
    const std::size_t next = next_question(*request.messages, left_out_);
    if (next == left_out_) break;
    left_out_ = next;
    prompt = render(request, left_out_);
  }
  check_prompt_fits(prompt.ids.size(), context_tokens_);
  return prompt;
}

// What is left to compute: at least one token.
std::vector<std::int32_t> ChatModel::keep_common(const std::vector<std::int32_t>& ids) {
  const auto ends = std::mismatch(held_.begin(), held_.end(), ids.begin(), ids.end());
  auto common = static_cast<std::size_t>(ends.second - ids.begin());
  common = std::min(common, ids.empty() ? 0 : ids.size() - 1);
  if (sequence_) common = std::min<std::size_t>(common, sequence_->info().tokens);
  if (!sequence_ || common == 0) {
    sequence_.reset();
    sequence_.emplace(context_);
    common = 0;
  } else {
    sequence_->truncate(static_cast<std::uint32_t>(common));
  }
  held_.assign(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(common));
  return {ids.begin() + static_cast<std::ptrdiff_t>(common), ids.end()};
}

std::string ChatModel::kept() const {
  std::string bytes;
  if (!sequence_ || held_.empty()) return bytes;
  PumiceSessionOptions options = pumice_session_options_init();
  options.write_user = &bytes;
  options.write = [](void* user, const void* data, std::size_t size) -> std::int32_t {
    try {
      static_cast<std::string*>(user)->append(static_cast<const char*>(data), size);
    } catch (const std::bad_alloc&) {  // nothing may be thrown into the library
      return 1;
    }
    return 0;
  };
  context_.check(pumice_sequence_save(sequence_->get(), &options));
  return bytes;
}

void ChatModel::take_kept(const std::string& kept) {
  held_.clear();
  sequence_.reset();
  PumiceSessionSource source = pumice_session_source_init();
  source.data = kept.data();
  source.data_size = kept.size();
  sequence_.emplace(pumice::Sequence::load(context_, source));
  held_ = sequence_->tokens();
}

Reply ChatModel::reply(const ReplyRequest& request, const OnDelta& on_delta) {
  constexpr std::int32_t kLookMs = 50;  // how late a Ctrl-C may be noticed
  const double start = now_ms();
  Reply reply;
  const pumice::ChatPrompt prompt = fitting_prompt(request);
  const std::vector<std::int32_t> rest = keep_common(prompt.ids);
  reply.prompt_tokens = prompt.ids.size();
  reply.computed_tokens = rest.size();
  reply.left_out = left_out_;
  held_.clear();  // until this one is whole
  PumiceChatReplyOptions options = pumice_chat_reply_options_init();
  options.prompt = {prompt.text.data(), prompt.text.size()};
  options.tools = {request.tools.data(), request.tools.size()};
  pumice::ChatReply parser(chat_, options);
  const auto hand_out = [&](const std::string& delta, std::size_t tokens) {
    if (!delta.empty()) on_delta(Json::parse(delta), tokens);
  };
  pumice::Request running = sequence_->submit(rest, request.sampling);
  std::vector<std::int32_t> ids;
  for (PumiceRequestStatus status = PUMICE_REQUEST_RUNNING; status == PUMICE_REQUEST_RUNNING;) {
    if (pumice_apps::take_interrupt() || interrupted()) running.cancel();
    running.wait(kLookMs);
    const PumicePoll news = running.poll();
    status = news.status;
    if (status == PUMICE_REQUEST_FAILED) context_.check(news.result != PUMICE_OK ? news.result : PUMICE_INTERNAL);
    if (news.prompt_done < news.prompt_total && rest.size() > 256)
      show_progress(fmt::format("reading {}/{}", news.prompt_done, news.prompt_total));
    if (news.count == 0) continue;
    if (ids.empty()) reply.first_token_ms = now_ms() - start;
    const std::vector<std::int32_t> fresh(news.ids, news.ids + news.count);
    ids.insert(ids.end(), fresh.begin(), fresh.end());
    hand_out(parser.push(fresh), ids.size());
  }
  show_progress("");
  hand_out(parser.finish(), ids.size());
  reply.finish = finish_name(running.poll().status);
  reply.timings = running.timings();
  reply.message = Json::parse(parser.message());
  reply.empty = is_empty(reply.message);
  held_ = prompt.ids;
  held_.insert(held_.end(), ids.begin(), ids.end());
  return reply;
}

}  // namespace pumice_cli
