// OpenAI's Responses: a reply is a list of items, and a request may go on from an earlier one by its id.
#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <mutex>
#include <utility>

#include "serve/fields.h"
#include "serve/protocols.h"

namespace pumice_serve {

namespace {

// The conversations behind the ids that were given out, of each group its own. Any thread.
class Conversations {
 public:
  void keep(const std::string& group, const std::string& id, Json messages) {
    constexpr std::size_t kMost = 1000, kMostBytes = std::size_t{64} << 20;
    const std::size_t size = text_of(messages).size();
    const std::lock_guard lock(mutex_);
    kept_.push_back({group, id, std::move(messages), size});
    bytes_ += size;
    while (kept_.size() > kMost || bytes_ > kMostBytes) {
      bytes_ -= kept_.front().size;
      kept_.pop_front();
    }
  }
  Json find(const std::string& group, const std::string& id) const {
    const std::lock_guard lock(mutex_);
    for (const Kept& kept : kept_)
      if (kept.id == id && kept.group == group) return kept.messages;
    throw ApiError(404, fmt::format("there is no response '{}', or no longer", id), "previous_response_id");
  }

 private:
  struct Kept {
    std::string group, id;
    Json messages;
    std::size_t size = 0;
  };
  mutable std::mutex mutex_;
  std::list<Kept> kept_;
  std::size_t bytes_ = 0;
};

Conversations& conversations() {
  static Conversations all;
  return all;
}

class ResponsesAnswer : public Answer {
 public:
  // kept: the group, where the response is to be found again.
  ResponsesAnswer(bool streams, std::string model, Json messages, std::optional<std::string> kept)
      : streams_(streams), model_(std::move(model)), messages_(std::move(messages)), kept_(std::move(kept)) {}

  bool streams() const override { return streams_; }
  std::string type() const override { return streams_ ? "text/event-stream" : "application/json"; }

  std::string started(std::size_t, std::size_t) override {
    if (!streams_) return {};
    const Json response = header("in_progress");
    std::string text = event({{"type", "response.created"}, {"response", response}});
    return text += event({{"type", "response.in_progress"}, {"response", response}});
  }
  std::string delta(std::size_t, const Json& delta) override {
    Json tokens = delta.value("logprobs", Json::array());
    likely_.insert(likely_.end(), tokens.begin(), tokens.end());
    if (!streams_ || !has(delta, "content")) return {};
    std::string text;
    if (text_.empty()) {
      text += event({{"type", "response.output_item.added"}, {"output_index", 0}, {"item", text_item("in_progress")}});
      text += event(of_part("response.content_part.added", {{"part", part()}}));
    }
    text_ += delta["content"].get_ref<const std::string&>();
    return text +=
           event(of_part("response.output_text.delta", {{"delta", delta["content"]}, {"logprobs", std::move(tokens)}}));
  }
  std::string finished(std::size_t, const Finish& finish) override {
    finish_ = finish;
    return {};
  }
  std::string end() override {
    text_ = finish_.message.value("content", "");
    const bool cut = finish_.reason == "length";
    Json response = header(cut ? "incomplete" : "completed");
    if (cut) response["incomplete_details"] = {{"reason", "max_output_tokens"}};
    std::string text;
    Json& output = response["output"];
    if (!text_.empty()) {
      output.push_back(text_item("completed"));
      if (streams_) {
        text = event(of_part("response.output_text.done", {{"text", text_}}));
        text += event(of_part("response.content_part.done", {{"part", part()}}));
        text += event({{"type", "response.output_item.done"}, {"output_index", 0}, {"item", output[0]}});
      }
    }
    for (const Json& call : finish_.message.value("tool_calls", Json::array())) text += add_call(call, output);
    const PumiceTimings& timings = finish_.timings;
    response["usage"] = {
        {"input_tokens", timings.prompt_tokens},
        {"input_tokens_details", {{"cached_tokens", timings.cached_tokens}, {"cached_from", cached_from(timings)}}},
        {"output_tokens", timings.generated_tokens},
        {"output_tokens_details", {{"reasoning_tokens", 0}}},
        {"total_tokens", timings.prompt_tokens + timings.generated_tokens}};
    keep();
    if (!streams_) return text_of(response);
    return text += event({{"type", cut ? "response.incomplete" : "response.completed"}, {"response", response}});
  }
  HttpResponse refused(const ApiError& error) const override { return openai_refused(error); }
  std::string failed(const ApiError& error) const override {
    return "event: error\ndata: " +
           text_of({{"type", "error"}, {"code", error.code()}, {"message", error.what()}, {"param", nullptr}}) + "\n\n";
  }

 private:
  std::string event(Json json) {
    json["sequence_number"] = sequence_++;
    return fmt::format("event: {}\ndata: {}\n\n", json["type"].get<std::string>(), text_of(json));
  }
  Json of_part(const char* type, Json rest) const {
    Json made = {{"type", type}, {"item_id", item_id_}, {"output_index", 0}, {"content_index", 0}};
    made.update(rest);
    return made;
  }
  Json part() const {
    return {{"type", "output_text"}, {"text", text_}, {"annotations", Json::array()}, {"logprobs", likely_}};
  }
  Json text_item(const char* status) const {
    Json content = Json::array();
    if (!text_.empty()) content.push_back(part());
    return {{"id", item_id_}, {"type", "message"}, {"status", status}, {"role", "assistant"}, {"content", content}};
  }
  Json header(const char* status) const {
    return {{"id", id_},
            {"object", "response"},
            {"created_at", created_},
            {"status", status},
            {"error", nullptr},
            {"incomplete_details", nullptr},
            {"model", model_},
            {"output", Json::array()},
            {"parallel_tool_calls", true},
            {"tool_choice", "auto"},
            {"tools", Json::array()},
            {"metadata", Json::object()}};
  }
  std::string add_call(const Json& call, Json& output) {
    const Json made = call_with_id(call);
    const Json item = {
        {"id", random_id("fc_")}, {"type", "function_call"},          {"status", "completed"},
        {"call_id", made["id"]},  {"name", made["function"]["name"]}, {"arguments", made["function"]["arguments"]}};
    const std::size_t index = output.size();
    output.push_back(item);
    calls_.push_back(made);
    if (!streams_) return {};
    Json added = item;
    added["arguments"] = "";
    added["status"] = "in_progress";
    const Json place = {{"item_id", item["id"]}, {"output_index", index}};
    Json delta = {{"type", "response.function_call_arguments.delta"}, {"delta", item["arguments"]}};
    Json done = {{"type", "response.function_call_arguments.done"}, {"arguments", item["arguments"]}};
    delta.update(place);
    done.update(place);
    std::string text = event({{"type", "response.output_item.added"}, {"output_index", index}, {"item", added}});
    text += event(delta);
    text += event(done);
    return text += event({{"type", "response.output_item.done"}, {"output_index", index}, {"item", item}});
  }
  void keep() {
    if (!kept_) return;
    Json reply = {{"role", "assistant"}, {"content", text_}};
    if (!calls_.empty()) reply["tool_calls"] = calls_;
    messages_.push_back(std::move(reply));
    conversations().keep(*kept_, id_, std::move(messages_));
  }

  bool streams_;
  std::string model_, id_ = random_id("resp_"), item_id_ = random_id("msg_"), text_;
  std::int64_t created_ = unix_seconds();
  std::size_t sequence_ = 0;
  Json messages_, calls_ = Json::array(), likely_ = Json::array();
  std::optional<std::string> kept_;
  Finish finish_;
};

void add_item(const Json& item, Json& messages) {
  const std::string type = item.is_object() ? string_at(item, "type", "message") : "";
  if (type == "message") {
    messages.push_back({{"role", string_at(item, "role", "user")}, {"content", item.value("content", Json())}});
  } else if (type == "function_call") {
    Json call = {{"id", string_at(item, "call_id")},
                 {"type", "function"},
                 {"function", {{"name", string_at(item, "name")}, {"arguments", string_at(item, "arguments", "{}")}}}};
    const bool follows = !messages.empty() && messages.back().contains("tool_calls");
    if (!follows) messages.push_back({{"role", "assistant"}, {"content", ""}, {"tool_calls", Json::array()}});
    messages.back()["tool_calls"].push_back(std::move(call));
  } else if (type == "function_call_output") {
    messages.push_back({{"role", "tool"},
                        {"tool_call_id", string_at(item, "call_id")},
                        {"content", content_text(item.value("output", Json()), "input")}});
  } else if (type != "reasoning") {
    throw ApiError(400, fmt::format("an item of the type '{}' is not supported", type), "input");
  }
}

// The same request as chats have it.
Json chat_body(const Json& body, Json messages) {
  Json chat = body;
  for (const char* name : {"input", "instructions", "text", "tools", "tool_choice", "stop", "n", "top_logprobs"})
    chat.erase(name);
  chat["messages"] = std::move(messages);
  const Json include = body.value("include", Json());
  const bool tells = std::find(include.begin(), include.end(), "message.output_text.logprobs") != include.end();
  if (tells || has(body, "top_logprobs")) {
    chat["logprobs"] = true;
    chat["top_logprobs"] = body.value("top_logprobs", Json());
  }
  if (has(body, "max_output_tokens")) chat["max_tokens"] = body["max_output_tokens"];
  if (has(body, "reasoning") && has(body["reasoning"], "effort"))
    chat["reasoning_effort"] = body["reasoning"]["effort"];
  for (const Json& tool : body.value("tools", Json::array())) {
    if (!tool.is_object() || string_at(tool, "type") != "function")
      throw ApiError(400, "this server has tools of the type function alone", "tools");
    Json function = tool;
    function.erase("type");
    chat["tools"].push_back({{"type", "function"}, {"function", std::move(function)}});
  }
  if (has(body, "tool_choice")) {
    const Json& choice = body["tool_choice"];
    chat["tool_choice"] = choice.is_object() ? Json{{"type", "function"}, {"function", choice}} : choice;
  }
  if (has(body, "text") && has(body["text"], "format")) {
    const Json& format = body["text"]["format"];
    chat["response_format"] = {{"type", string_at(format, "type")}};
    if (has(format, "schema")) chat["response_format"]["json_schema"] = {{"schema", format["schema"]}};
  }
  return chat;
}

}  // namespace

Outcome openai_responses(const HttpRequest& request, Service& service) {
  const Json body = parse_body(request);
  Json messages = Json::array();
  const std::string previous = string_at(body, "previous_response_id");
  if (!previous.empty()) messages = conversations().find(request.group, previous);
  const Json input = body.value("input", Json());
  if (input.is_string())
    messages.push_back({{"role", "user"}, {"content", input}});
  else if (input.is_array())
    for (const Json& item : input) add_item(item, messages);
  else
    throw ApiError(400, "'input' must be a text or a list of items", "input");
  // Instructions are this request's alone.
  Json prompt = messages;
  if (const std::string instructions = string_at(body, "instructions"); !instructions.empty())
    prompt.insert(prompt.begin(), Json{{"role", "system"}, {"content", instructions}});
  Generation generation = chat_of(chat_body(body, std::move(prompt)), request);
  const std::string name = service.find(generation.model).name;
  const auto kept = bool_at(body, "store", true) ? std::optional(request.group) : std::nullopt;
  return Asked{std::move(generation),
               std::make_unique<ResponsesAnswer>(bool_at(body, "stream"), name, std::move(messages), kept)};
}

}  // namespace pumice_serve
