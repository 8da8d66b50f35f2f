#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "serve/fields.h"
#include "serve/protocols.h"

namespace pumice_serve {

namespace {

std::string data_line(const Json& json) { return "data: " + text_of(json) + "\n\n"; }

Json openai_error(const ApiError& error) {
  const char* type = error.status() == 401   ? "authentication_error"
                     : error.status() == 404 ? "not_found_error"
                     : error.status() >= 500 ? "server_error"
                                             : "invalid_request_error";
  return {{"error",
           {{"message", error.what()},
            {"type", type},
            {"param", error.param().empty() ? Json() : Json(error.param())},
            {"code", error.code().empty() ? Json() : Json(error.code())}}}};
}

// What of a message is for clients.
Json client_message(const Json& message) {
  Json made = {{"role", "assistant"}, {"content", message.value("content", Json())}};
  if (has(message, "reasoning_content")) made["reasoning_content"] = message["reasoning_content"];
  if (has(message, "tool_calls")) {
    made["tool_calls"] = Json::array();
    for (const Json& call : message["tool_calls"]) made["tool_calls"].push_back(call_with_id(call));
    if (made["content"] == "") made["content"] = nullptr;
  }
  return made;
}

// Of chats and of plain completions.
class OpenAiAnswer : public Answer {
 public:
  OpenAiAnswer(const Generation& generation, bool streams, bool usage, std::string model)
      : chat_(generation.chat()),
        tells_(generation.log_probabilities),
        streams_(streams),
        usage_(usage),
        model_(std::move(model)) {}

  bool streams() const override { return streams_; }
  std::string type() const override { return streams_ ? "text/event-stream" : "application/json"; }

  std::string started(std::size_t reply, std::size_t) override {
    if (!streams_ || !chat_) return {};
    return chunk(reply, {{"role", "assistant"}, {"content", ""}}, nullptr, nullptr);
  }
  std::string delta(std::size_t reply, const Json& delta) override {
    Json told;
    if (has(delta, "logprobs"))
      told = streams_ ? likely(reply, delta["logprobs"]) : add_likely(reply, delta["logprobs"]);
    if (!streams_) return {};
    if (!chat_) return chunk(reply, delta.value("content", ""), nullptr, told);
    Json made = delta;
    made.erase("logprobs");
    if (made.contains("tool_calls")) {
      Json calls = Json::array();
      for (const Json& call : delta["tool_calls"]) {
        Json listed = {{"index", calls_[reply]++}};
        listed.update(call_with_id(call));
        calls.push_back(std::move(listed));
      }
      made["tool_calls"] = std::move(calls);
    }
    return chunk(reply, made, nullptr, told);
  }
  std::string finished(std::size_t reply, const Finish& finish) override {
    if (!timings_ || finish.timings.cached_tokens > timings_->cached_tokens) timings_ = finish.timings;
    completion_ += finish.timings.generated_tokens;
    if (streams_) return chunk(reply, chat_ ? Json::object() : Json(""), finish.reason, nullptr);
    Json choice = {{"index", reply}};
    if (chat_)
      choice["message"] = client_message(finish.message);
    else
      choice["text"] = finish.message.value("content", "");
    choice["logprobs"] = tells_ ? likely(reply, likely_[reply]) : Json();
    choice["finish_reason"] = finish.reason;
    choices_[reply] = std::move(choice);
    return {};
  }
  std::string end() override {
    const Json usage = usage_of(timings_.value_or(pumice_timings_init()), completion_);
    if (streams_) {
      Json last = header(true);
      last["choices"] = Json::array();
      last["usage"] = usage;
      return (usage_ ? data_line(last) : "") + "data: [DONE]\n\n";
    }
    Json whole = header(false);
    whole["choices"] = Json::array();
    for (auto& [index, choice] : choices_) whole["choices"].push_back(std::move(choice));
    whole["usage"] = usage;
    return text_of(whole);
  }
  HttpResponse refused(const ApiError& error) const override { return openai_refused(error); }
  std::string failed(const ApiError& error) const override { return data_line(openai_error(error)); }

 private:
  Json header(bool chunk) const {
    const std::string object = chat_ ? chunk ? "chat.completion.chunk" : "chat.completion" : "text_completion";
    return {{"id", id_}, {"object", object}, {"created", created_}, {"model", model_}};
  }
  Json add_likely(std::size_t reply, const Json& tokens) {
    Json& all = likely_[reply];
    if (all.is_null()) all = Json::array();
    all.insert(all.end(), tokens.begin(), tokens.end());
    return {};
  }
  // Tokens as chats have them, or as completions do: lists of what each has.
  Json likely(std::size_t reply, const Json& tokens) {
    if (chat_) return {{"content", tokens.is_null() ? Json::array() : tokens}, {"refusal", nullptr}};
    Json made = {{"tokens", Json::array()},
                 {"token_logprobs", Json::array()},
                 {"top_logprobs", Json::array()},
                 {"text_offset", Json::array()}};
    for (const Json& token : tokens) {
      Json top = Json::object();
      for (const Json& each : token["top_logprobs"]) top[each["token"].get_ref<const std::string&>()] = each["logprob"];
      made["tokens"].push_back(token["token"]);
      made["token_logprobs"].push_back(token["logprob"]);
      made["top_logprobs"].push_back(std::move(top));
      made["text_offset"].push_back(offsets_[reply]);
      offsets_[reply] += token["bytes"].size();
    }
    return made;
  }
  std::string chunk(std::size_t reply, const Json& delta, const Json& reason, const Json& told) const {
    Json made = header(true);
    Json choice = {{"index", reply}, {chat_ ? "delta" : "text", delta}, {"logprobs", told}};
    choice["finish_reason"] = reason;
    made["choices"] = Json::array({std::move(choice)});
    return data_line(made);
  }

  bool chat_, tells_, streams_, usage_;
  std::string model_, id_ = random_id(chat_ ? "chatcmpl-" : "cmpl-");
  std::int64_t created_ = unix_seconds();
  std::map<std::size_t, Json> choices_, likely_;
  std::map<std::size_t, std::size_t> calls_, offsets_;
  std::optional<PumiceTimings> timings_;  // of the reply with the most cached tokens
  std::size_t completion_ = 0;
};

// What would change a reply and is not there is refused instead of ignored.
void refuse_what_is_missing(const Json& body) {
  if (has(body, "modalities") && body["modalities"] != Json::array({"text"}))
    throw ApiError(400, "this server writes text", "modalities");
}

// As templates know them: "developer" is a newer name of "system", and parts are one text.
Json messages_of(const Json& body, Pictures& pictures) {
  if (!has(body, "messages") || !body["messages"].is_array() || body["messages"].empty())
    throw ApiError(400, "'messages' must be a list of messages", "messages");
  Json messages = Json::array();
  for (const Json& message : body["messages"]) {
    if (!message.is_object() || !has(message, "role") || !message["role"].is_string())
      throw ApiError(400, "a message must be an object with a 'role'", "messages");
    Json made = message;
    if (made["role"] == "developer") made["role"] = "system";
    made["content"] = content_text(message.value("content", Json()), "messages", &pictures);
    messages.push_back(std::move(made));
  }
  return messages;
}

void read_format(const Json& body, Generation& generation) {
  const Json format = body.value("response_format", Json());
  if (format.is_null()) return;
  const std::string type = format.is_object() ? string_at(format, "type") : "";
  if (type == "json_object") {
    generation.grammar = schema_grammar({{"type", "object"}});
  } else if (type == "json_schema" && format.contains("json_schema") && format["json_schema"].contains("schema")) {
    generation.grammar = schema_grammar(format["json_schema"]["schema"]);
  } else if (type != "text") {
    throw ApiError(400, "'response_format' must be of the type text, json_object or json_schema, with a schema",
                   "response_format");
  }
}

// Of chats: "logprobs" is whether, "top_logprobs" how many beside.
void read_log_probabilities(const Json& body, Generation& generation) {
  generation.log_probabilities = bool_at(body, "logprobs");
  const auto top = count_at(body, "top_logprobs", 0, PUMICE_MOST_TOP_TOKENS);
  generation.top_tokens = static_cast<std::uint32_t>(top.value_or(0));
  if (generation.top_tokens > 0 && !generation.log_probabilities)
    throw ApiError(400, "'top_logprobs' needs 'logprobs': true", "top_logprobs");
}

// What chats and completions have alike.
void read_rest(const Json& body, Generation& generation) {
  generation.biases = biases_at(body);
  read_queueing(body, generation);
  generation.stop = texts_at(body, "stop");
  generation.n = static_cast<std::uint32_t>(count_at(body, "n", 1, 16).value_or(1));
}

Outcome asked(const Json& body, Generation generation, const Service& service) {
  const std::string name = service.find(generation.model).name;
  const bool usage = has(body, "stream_options") && bool_at(body["stream_options"], "include_usage");
  auto answer = std::make_unique<OpenAiAnswer>(generation, bool_at(body, "stream"), usage, name);
  return Asked{std::move(generation), std::move(answer)};
}

}  // namespace

HttpResponse openai_refused(const ApiError& error) { return json_response(openai_error(error), error.status()); }

Json usage_of(const PumiceTimings& timings, std::size_t completion) {
  return {{"prompt_tokens", timings.prompt_tokens},
          {"completion_tokens", completion},
          {"total_tokens", timings.prompt_tokens + completion},
          {"prompt_tokens_details", {{"cached_tokens", timings.cached_tokens}, {"cached_from", cached_from(timings)}}}};
}

void read_tools(const Json& body, Generation& generation) {
  if (!has(body, "tools") || body["tools"].empty()) return;
  if (!body["tools"].is_array()) throw ApiError(400, "'tools' must be a list", "tools");
  for (const Json& tool : body["tools"])
    if (!tool.is_object() || string_at(tool, "type", "function") != "function" || !has(tool, "function") ||
        string_at(tool["function"], "name").empty())
      throw ApiError(400, "a tool must be a function with a name", "tools");
  generation.tools = text_of(body["tools"]);
  generation.one_call = !bool_at(body, "parallel_tool_calls", true);
  const Json choice = body.value("tool_choice", Json("auto"));
  if (choice == "none") {
    generation.tool_choice = PUMICE_TOOLS_NONE;
  } else if (choice == "required") {
    generation.tool_choice = PUMICE_TOOLS_REQUIRED;
  } else if (choice.is_object() && choice.contains("function")) {
    generation.tool_choice = PUMICE_TOOLS_REQUIRED;
    generation.tool_name = string_at(choice["function"], "name");
  } else if (choice != "auto") {
    throw ApiError(400, "'tool_choice' must be none, auto, required or a function", "tool_choice");
  }
  if (generation.tool_choice == PUMICE_TOOLS_REQUIRED) generation.thinking = PUMICE_THINKING_OFF;
}

Generation chat_of(const Json& body, const HttpRequest& request) {
  refuse_what_is_missing(body);
  Generation generation{.model = string_at(body, "model"), .group = request.group};
  generation.messages = messages_of(body, generation.pictures);
  generation.sampling = sampling_at(body);
  for (const char* name : {"max_tokens", "max_completion_tokens"})
    if (const auto most = count_at(body, name, 1, UINT32_MAX))
      generation.sampling.max_tokens = static_cast<std::uint32_t>(*most);
  read_rest(body, generation);
  read_log_probabilities(body, generation);
  if (has(body, "chat_template_kwargs")) generation.variables = text_of(body["chat_template_kwargs"]);
  if (string_at(body, "reasoning_effort") == "none") generation.thinking = PUMICE_THINKING_OFF;
  read_tools(body, generation);
  read_format(body, generation);
  if (generation.grammar) generation.thinking = PUMICE_THINKING_OFF;
  return generation;
}

Outcome openai_chat(const HttpRequest& request, Service& service) {
  const Json body = parse_body(request);
  Generation generation = chat_of(body, request);
  return asked(body, std::move(generation), service);
}

Outcome openai_completions(const HttpRequest& request, Service& service) {
  const Json body = parse_body(request);
  refuse_what_is_missing(body);
  for (const char* name : {"suffix", "echo"})
    if (has(body, name) && body[name] != false && body[name] != "")
      throw ApiError(400, fmt::format("'{}' is not supported", name), name);
  Generation generation{.model = string_at(body, "model"), .group = request.group};
  const Json prompt = body.value("prompt", Json());
  if (prompt.is_array() && !prompt.empty() && prompt[0].is_number_integer())
    generation.ids = prompt.get<std::vector<std::int32_t>>();
  else if (const auto texts = texts_at(body, "prompt"); texts.size() == 1)
    generation.prompt = texts[0];
  else
    throw ApiError(400, "'prompt' must be one text, or its tokens", "prompt");
  generation.sampling = sampling_at(body);
  generation.sampling.max_tokens = static_cast<std::uint32_t>(count_at(body, "max_tokens", 1, UINT32_MAX).value_or(16));
  read_rest(body, generation);
  if (const auto top = count_at(body, "logprobs", 0, PUMICE_MOST_TOP_TOKENS)) {
    generation.log_probabilities = true;
    generation.top_tokens = static_cast<std::uint32_t>(*top);
  }
  read_format(body, generation);
  return asked(body, std::move(generation), service);
}

Outcome openai_embeddings(const HttpRequest& request, Service& service) {
  const Json body = parse_body(request);
  Embedding embedding{.model = string_at(body, "model"), .group = request.group};
  const Json input = body.value("input", Json());
  if (input.is_array() && !input.empty() && input[0].is_number_integer())
    embedding.ids = {input.get<std::vector<std::int32_t>>()};
  else if (input.is_array() && !input.empty() && input[0].is_array())
    embedding.ids = input.get<std::vector<std::vector<std::int32_t>>>();
  else
    embedding.texts = texts_at(body, "input");
  if (embedding.texts.empty() && embedding.ids.empty()) throw ApiError(400, "'input' is missing", "input");
  if (has(body, "dimensions")) throw ApiError(400, "vectors have the width of the model", "dimensions");
  const std::string format = string_at(body, "encoding_format", "float");
  if (format != "float" && format != "base64")
    throw ApiError(400, "'encoding_format' must be float or base64", "encoding_format");
  const std::string name = service.find(embedding.model).name;
  return AskedOnce{
      std::move(embedding),
      [format, name](const Event& event) {
        const Embedded& embedded = event.embedded;
        Json data = Json::array();
        for (const std::vector<float>& vector : embedded.vectors) {
          Json value = vector;
          if (format == "base64") value = base64(vector.data(), vector.size() * sizeof(float));
          data.push_back({{"object", "embedding"}, {"index", data.size()}, {"embedding", value}});
        }
        return json_response({{"object", "list"},
                              {"data", std::move(data)},
                              {"model", name},
                              {"usage", {{"prompt_tokens", embedded.tokens}, {"total_tokens", embedded.tokens}}}});
      },
      openai_refused};
}

namespace {

Json model_json(const ServedModel& model) {
  return {{"id", model.name}, {"object", "model"}, {"created", 0}, {"owned_by", "pumice"}};
}

}  // namespace

Outcome openai_models(const HttpRequest&, Service& service) {
  Json data = Json::array();
  for (const ServedModel& model : service.models()) data.push_back(model_json(model));
  return json_response({{"object", "list"}, {"data", std::move(data)}});
}

Outcome openai_model(const HttpRequest& request, Service& service) {
  return json_response(model_json(service.find(request.path.substr(std::string_view("/v1/models/").size()))));
}

Outcome tokenize(const HttpRequest& request, Service& service) {
  const Json body = parse_body(request);
  const auto ids =
      service.vocabulary(string_at(body, "model"))->tokenize(string_at(body, "content"), bool_at(body, "add_special"));
  return json_response({{"tokens", ids}});
}

Outcome detokenize(const HttpRequest& request, Service& service) {
  const Json body = parse_body(request);
  std::vector<std::int32_t> ids;
  for (const Json& id : body.value("tokens", Json::array())) {
    if (!id.is_number_integer()) throw ApiError(400, "'tokens' must be a list of integers", "tokens");
    ids.push_back(id);
  }
  return json_response({{"content", service.vocabulary(string_at(body, "model"))->detokenize(ids)}});
}

}  // namespace pumice_serve
