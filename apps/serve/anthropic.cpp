#include <fmt/format.h>

#include <utility>

#include "serve/fields.h"
#include "serve/protocols.h"

namespace pumice_serve {

namespace {

Json anthropic_error(const ApiError& error) {
  const char* type = error.status() == 401   ? "authentication_error"
                     : error.status() == 404 ? "not_found_error"
                     : error.status() == 413 ? "request_too_large"
                     : error.status() == 503 ? "overloaded_error"
                     : error.status() >= 500 ? "api_error"
                                             : "invalid_request_error";
  return {{"type", "error"}, {"error", {{"type", type}, {"message", error.what()}}}};
}

std::string named_event(const Json& json) {
  return fmt::format("event: {}\ndata: {}\n\n", json["type"].get<std::string>(), text_of(json));
}

std::string name_of(const Json& call) { return string_at(call.contains("function") ? call["function"] : call, "name"); }

class AnthropicAnswer : public Answer {
 public:
  AnthropicAnswer(bool streams, std::string model) : streams_(streams), model_(std::move(model)) {}

  bool streams() const override { return streams_; }
  std::string type() const override { return streams_ ? "text/event-stream" : "application/json"; }

  std::string started(std::size_t, std::size_t prompt_tokens) override {
    if (!streams_) return {};
    Json message = header();
    message["content"] = Json::array();
    message["stop_reason"] = message["stop_sequence"] = nullptr;
    message["usage"] = {{"input_tokens", prompt_tokens}, {"output_tokens", 0}};
    return named_event({{"type", "message_start"}, {"message", std::move(message)}});
  }
  std::string delta(std::size_t, const Json& delta) override {
    if (!streams_) return {};
    std::string text;
    if (has(delta, "reasoning_content"))
      text += part("thinking", {{"type", "thinking_delta"}, {"thinking", delta["reasoning_content"]}});
    if (has(delta, "content")) text += part("text", {{"type", "text_delta"}, {"text", delta["content"]}});
    if (has(delta, "tool_calls"))
      for (const Json& call : delta["tool_calls"]) {
        text += close();
        text += open(
            {{"type", "tool_use"}, {"id", random_id("toolu_")}, {"name", name_of(call)}, {"input", Json::object()}});
        text += block_delta({{"type", "input_json_delta"}, {"partial_json", text_of(arguments_of(call))}});
        text += close();
      }
    return text;
  }
  std::string finished(std::size_t, const Finish& finish) override {
    finish_ = finish;
    return {};
  }
  std::string end() override {
    const PumiceTimings& timings = finish_.timings;
    const std::string reason = finish_.reason == "length"       ? "max_tokens"
                               : finish_.reason == "tool_calls" ? "tool_use"
                               : finish_.stop_sequence.empty()  ? "end_turn"
                                                                : "stop_sequence";
    const Json sequence = finish_.stop_sequence.empty() ? Json() : Json(finish_.stop_sequence);
    const Json usage = {{"input_tokens", timings.prompt_tokens - timings.cached_tokens},
                        {"cache_creation_input_tokens", 0},
                        {"cache_read_input_tokens", timings.cached_tokens},
                        {"cached_from", cached_from(timings)},
                        {"output_tokens", timings.generated_tokens}};
    if (streams_)
      return close() +  // the events' order does not depend on that of evaluation
             named_event({{"type", "message_delta"},
                          {"delta", {{"stop_reason", reason}, {"stop_sequence", sequence}}},
                          {"usage", usage}}) +
             named_event({{"type", "message_stop"}});
    Json message = header();
    message["content"] = blocks();
    message["stop_reason"] = reason;
    message["stop_sequence"] = sequence;
    message["usage"] = usage;
    return text_of(message);
  }
  HttpResponse refused(const ApiError& error) const override { return anthropic_refused(error); }
  std::string failed(const ApiError& error) const override { return named_event(anthropic_error(error)); }

 private:
  Json header() const { return {{"id", id_}, {"type", "message"}, {"role", "assistant"}, {"model", model_}}; }
  Json blocks() const {
    Json blocks = Json::array();
    const Json& message = finish_.message;
    if (has(message, "reasoning_content"))
      blocks.push_back({{"type", "thinking"}, {"thinking", message["reasoning_content"]}, {"signature", ""}});
    if (has(message, "content") && message["content"] != "")
      blocks.push_back({{"type", "text"}, {"text", message["content"]}});
    if (has(message, "tool_calls"))
      for (const Json& call : message["tool_calls"])
        blocks.push_back({{"type", "tool_use"},
                          {"id", random_id("toolu_")},
                          {"name", name_of(call)},
                          {"input", arguments_of(call)}});
    return blocks;
  }
  std::string open(const Json& block) {
    open_ = block["type"];
    return named_event({{"type", "content_block_start"}, {"index", index_}, {"content_block", block}});
  }
  std::string close() {
    if (open_.empty()) return {};
    open_.clear();
    return named_event({{"type", "content_block_stop"}, {"index", index_++}});
  }
  std::string block_delta(const Json& delta) const {
    return named_event({{"type", "content_block_delta"}, {"index", index_}, {"delta", delta}});
  }
  std::string part(const std::string& type, const Json& delta) {
    std::string text;
    if (open_ != type) {
      text = close();
      Json block = {{"type", type}, {type, ""}};
      if (type == "thinking") block["signature"] = "";
      text += open(block);
    }
    return text + block_delta(delta);
  }

  bool streams_;
  std::string model_, id_ = random_id("msg_");
  std::string open_;  // the type of the block that is open; empty: none
  std::size_t index_ = 0;
  Finish finish_;
};

// What is said of tools comes as parts of messages; templates have messages of their own for it.
void add_message(const Json& message, Json& messages, Pictures* pictures) {
  const std::string role = message.is_object() ? string_at(message, "role") : "";
  if (role != "user" && role != "assistant") throw ApiError(400, "a message must be of user or assistant", "messages");
  const Json content = message.value("content", Json());
  if (!content.is_array()) {
    messages.push_back({{"role", role}, {"content", content_text(content, "messages", pictures)}});
    return;
  }
  Json made = {{"role", role}, {"content", ""}};
  std::string text;
  for (const Json& block : content) {
    const std::string type = block.is_object() ? string_at(block, "type") : "";
    if (type == "tool_use") {
      made["tool_calls"].push_back(
          {{"id", string_at(block, "id")},
           {"type", "function"},
           {"function", {{"name", string_at(block, "name")}, {"arguments", block.value("input", Json::object())}}}});
    } else if (type == "tool_result") {
      messages.push_back({{"role", "tool"},
                          {"tool_call_id", string_at(block, "tool_use_id")},
                          {"content", content_text(block.value("content", Json()), "messages", pictures)}});
    } else if (type == "thinking") {
      made["reasoning_content"] = string_at(block, "thinking");
    } else if (type != "redacted_thinking") {
      text += content_text(Json::array({block}), "messages", pictures);
    }
  }
  made["content"] = text;
  if (!text.empty() || made.contains("tool_calls")) messages.push_back(std::move(made));
}

// Null: pictures are refused.
Json turns_of(const Json& body, Pictures* pictures) {
  if (!has(body, "messages") || !body["messages"].is_array() || body["messages"].empty())
    throw ApiError(400, "'messages' must be a list of messages", "messages");
  Json messages = Json::array();
  if (has(body, "system"))
    messages.push_back({{"role", "system"}, {"content", content_text(body["system"], "system")}});
  for (const Json& message : body["messages"]) add_message(message, messages, pictures);
  return messages;
}

void read_tools_of(const Json& body, Generation& generation) {
  if (!has(body, "tools") || body["tools"].empty()) return;
  Json openai = {{"tools", Json::array()}};
  for (const Json& tool : body["tools"]) {
    if (!tool.is_object() || string_at(tool, "name").empty()) throw ApiError(400, "a tool must have a name", "tools");
    Json function = {{"name", tool["name"]},
                     {"description", string_at(tool, "description")},
                     {"parameters", tool.value("input_schema", Json::object())}};
    openai["tools"].push_back({{"type", "function"}, {"function", std::move(function)}});
  }
  if (has(body, "tool_choice")) {
    const Json& choice = body["tool_choice"];
    const std::string type = choice.is_object() ? string_at(choice, "type") : "";
    if (type == "any") openai["tool_choice"] = "required";
    if (type == "none") openai["tool_choice"] = "none";
    if (type == "tool")
      openai["tool_choice"] = {{"type", "function"}, {"function", {{"name", string_at(choice, "name")}}}};
    openai["parallel_tool_calls"] = !bool_at(choice, "disable_parallel_tool_use");
  }
  read_tools(openai, generation);
}

}  // namespace

HttpResponse anthropic_refused(const ApiError& error) { return json_response(anthropic_error(error), error.status()); }

Outcome anthropic_messages(const HttpRequest& request, Service& service) {
  const Json body = parse_body(request);
  Generation generation{.model = string_at(body, "model"), .group = request.group};
  generation.messages = turns_of(body, &generation.pictures);
  const std::string name = service.find(generation.model).name;
  generation.sampling = sampling_at(body);
  read_queueing(body, generation);
  const auto most = count_at(body, "max_tokens", 1, UINT32_MAX);
  if (!most) throw ApiError(400, "'max_tokens' is missing", "max_tokens");
  generation.sampling.max_tokens = static_cast<std::uint32_t>(*most);
  generation.stop = texts_at(body, "stop_sequences");
  generation.continue_last = generation.messages.back()["role"] == "assistant";
  if (has(body, "thinking"))
    generation.thinking = string_at(body["thinking"], "type") == "disabled" ? PUMICE_THINKING_OFF : PUMICE_THINKING_ON;
  read_tools_of(body, generation);
  return Asked{std::move(generation), std::make_unique<AnthropicAnswer>(bool_at(body, "stream"), name)};
}

Outcome anthropic_count(const HttpRequest& request, Service& service) {
  const Json body = parse_body(request);
  Generation generation{.model = string_at(body, "model"), .messages = turns_of(body, nullptr)};
  read_tools_of(body, generation);
  const std::size_t tokens = service.vocabulary(generation.model)->prompt_tokens(generation.messages, generation.tools);
  return json_response({{"input_tokens", tokens}});
}

}  // namespace pumice_serve
