#include "serve/active_reply.h"

#include <utility>
#include <vector>

#include "serve/plain_tools.h"

namespace pumice_serve {

namespace {

bool begins_with_brace(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \n\t");
  return first != std::string_view::npos && text[first] == '{';
}

Json likely_json(const pumice::Model& model, std::int32_t id, float log_probability) {
  const std::string text = model.token_text(id);
  Json bytes = Json::array();
  for (const char byte : text) bytes.push_back(static_cast<unsigned char>(byte));
  return {{"token", text}, {"logprob", log_probability}, {"bytes", std::move(bytes)}};
}

}  // namespace

void ActiveReply::take_likely(const PumicePoll& news) {
  if (!news.log_probabilities) return;
  for (std::size_t i = 0; i < news.count; ++i) {
    Json token = likely_json(*model, news.ids[i], news.log_probabilities[i]);
    token["top_logprobs"] = Json::array();
    for (std::size_t t = 0; t < news.top_tokens; ++t) {
      const PumiceLikelyToken& top = news.top[i * news.top_tokens + t];
      token["top_logprobs"].push_back(likely_json(*model, top.id, top.log_probability));
    }
    likely.push_back(std::move(token));
  }
}

void ActiveReply::say_delta(Json delta) {
  if (!likely.is_null()) delta["logprobs"] = std::exchange(likely, Json());
  if (!delta.empty()) say(*job, {.kind = Event::Kind::kDelta, .reply = index, .delta = std::move(delta)});
}

void ActiveReply::hand_out(Json delta) {
  if (delta.contains("tool_calls")) calls = true;
  if (delta.contains("content")) {
    std::string said = filter.push(delta["content"].get_ref<const std::string&>());
    if (!plain_tools.empty() && begins_with_brace(held + said)) held += std::exchange(said, {});
    content += said;
    if (said.empty())
      delta.erase("content");
    else
      delta["content"] = said;
  }
  if (!delta.empty()) say_delta(std::move(delta));
}

void ActiveReply::take(const PumicePoll& news, Metrics& metrics) {
  if (news.count > 0) {
    const auto now = Clock::now();
    const auto seconds = [&](Clock::time_point since) { return std::chrono::duration<double>(now - since).count(); };
    if (last_token == Clock::time_point())
      metrics.first_token.add(seconds(begun));
    else
      metrics.each_token.add(seconds(last_token) / static_cast<double>(news.count));
    last_token = now;
  }
  take_likely(news);
  if (parser && news.count > 0) {
    const std::string delta = parser->push(std::vector<std::int32_t>(news.ids, news.ids + news.count));
    if (!delta.empty()) hand_out(Json::parse(delta));
  } else if (!parser && news.text_length > 0) {
    hand_out({{"content", std::string(news.text, news.text_length)}});
  }
}

void ActiveReply::say_rest() {
  if (parser && filter.stopped_by().empty()) {
    const std::string delta = parser->finish();
    if (!delta.empty()) hand_out(Json::parse(delta));
  }
  const std::string rest = std::exchange(held, {}) + filter.finish();
  Json delta;
  if (const auto call = plain_tools.empty() ? std::nullopt : plain_call_of(rest, plain_tools)) {
    plain_call = *call;
    calls = true;
    delta["tool_calls"] = Json::array({*call});
  } else if (!rest.empty()) {
    content += rest;
    delta["content"] = rest;
  }
  say_delta(std::move(delta));
}

bool ActiveReply::advance(const pumice::Context& context, Metrics& metrics) {
  if (job->cancelled) {
    ++metrics.cancelled;
    return false;
  }
  const PumicePoll news = request.poll();
  take(news, metrics);
  if (news.status == PUMICE_REQUEST_FAILED) {
    try {
      context.check(news.result != PUMICE_OK ? news.result : PUMICE_INTERNAL);
    } catch (const pumice::Error& error) {
      if (error.code() == PUMICE_DEVICE_LOST) throw;
      say_failed(*job, api_error(error));
    }
    return false;
  }
  const bool late = news.status == PUMICE_REQUEST_RUNNING && job->late();
  if (news.status == PUMICE_REQUEST_RUNNING && filter.stopped_by().empty() && !late) return true;
  if (late && last_token == Clock::time_point()) {
    say_failed(*job, kLate);
    return false;
  }
  say_rest();
  end(late ? PUMICE_REQUEST_FINISHED_LENGTH : news.status, metrics);
  return false;
}

void ActiveReply::end(PumiceRequestStatus status, Metrics& metrics) {
  Finish finish{.reason = "stop", .stop_sequence = filter.stopped_by(), .timings = request.timings()};
  if (finish.stop_sequence.empty() &&
      (status == PUMICE_REQUEST_FINISHED_LENGTH || status == PUMICE_REQUEST_FINISHED_CONTEXT))
    finish.reason = "length";
  else if (calls)
    finish.reason = "tool_calls";
  finish.message = parser ? Json::parse(parser->message()) : Json{{"role", "assistant"}};
  finish.message["content"] = content;
  if (!plain_call.is_null()) finish.message["tool_calls"] = Json::array({plain_call});
  finish.timings.prompt_tokens = static_cast<std::uint32_t>(prompt_tokens);
  metrics.prompt_tokens += finish.timings.prompt_tokens;
  metrics.cached_tokens += finish.timings.cached_tokens;
  metrics.generated_tokens += finish.timings.generated_tokens;
  say(*job, {.kind = Event::Kind::kFinished, .reply = index, .finish = std::move(finish)});
}

}  // namespace pumice_serve
