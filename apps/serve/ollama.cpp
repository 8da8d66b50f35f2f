#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <utility>

#include "serve/fields.h"
#include "serve/protocols.h"

namespace pumice_serve {

namespace {

using Clock = std::chrono::steady_clock;

std::string now_text() { return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::now())); }

std::int64_t nanoseconds(double ms) { return static_cast<std::int64_t>(ms * 1e6); }

class OllamaAnswer : public Answer {
 public:
  OllamaAnswer(bool chat, bool streams, std::string model) : chat_(chat), streams_(streams), model_(std::move(model)) {}

  bool streams() const override { return streams_; }
  std::string type() const override { return streams_ ? "application/x-ndjson" : "application/json"; }

  std::string delta(std::size_t, const Json& delta) override {
    if (streams_) return line(said(delta), false);
    const Json tokens = delta.value("logprobs", Json::array());
    likely_.insert(likely_.end(), tokens.begin(), tokens.end());
    return {};
  }
  std::string finished(std::size_t, const Finish& finish) override {
    finish_ = finish;
    return {};
  }
  std::string end() override {
    Json last = said(streams_ ? Json::object() : finish_.message);
    if (!likely_.empty()) last["logprobs"] = likely_;
    last["done_reason"] = finish_.reason == "length" ? "length" : "stop";
    const PumiceTimings& timings = finish_.timings;
    last["total_duration"] = std::chrono::nanoseconds(Clock::now() - begun_).count();
    last["load_duration"] = 0;
    last["prompt_eval_count"] = timings.prompt_tokens;
    last["cached_from"] = cached_from(timings);
    last["prompt_eval_duration"] = nanoseconds(timings.prefill_ms);
    last["eval_count"] = timings.generated_tokens;
    last["eval_duration"] = nanoseconds(timings.decode_ms);
    return line(std::move(last), true);
  }
  HttpResponse refused(const ApiError& error) const override { return ollama_refused(error); }
  std::string failed(const ApiError& error) const override { return text_of(Json{{"error", error.what()}}) + "\n"; }

 private:
  Json said(const Json& message) const {
    if (!chat_) {
      Json made = {{"response", message.value("content", "")}};
      if (has(message, "reasoning_content")) made["thinking"] = message["reasoning_content"];
      if (has(message, "logprobs")) made["logprobs"] = message["logprobs"];
      return made;
    }
    Json made = {{"role", "assistant"}, {"content", message.value("content", "")}};
    if (has(message, "reasoning_content")) made["thinking"] = message["reasoning_content"];
    if (has(message, "tool_calls")) {
      made["tool_calls"] = Json::array();
      for (const Json& call : message["tool_calls"]) {
        Json function = call.contains("function") ? call["function"] : call;
        function["arguments"] = arguments_of(call);
        made["tool_calls"].push_back({{"function", std::move(function)}});
      }
    }
    Json whole = {{"message", std::move(made)}};
    if (has(message, "logprobs")) whole["logprobs"] = message["logprobs"];
    return whole;
  }
  std::string line(Json rest, bool done) const {
    Json made = {{"model", model_}, {"created_at", now_text()}};
    made.update(rest);
    made["done"] = done;
    return text_of(made) + (streams_ ? "\n" : "");
  }

  bool chat_, streams_;
  std::string model_;
  Clock::time_point begun_ = Clock::now();
  Finish finish_;
  Json likely_ = Json::array();
};

// A text with pictures behind it in the parts that OpenAI's chats have. images: base64.
Json with_images(const std::string& text, const Json& images) {
  Json parts = Json::array();
  if (!images.is_array()) throw ApiError(400, "'images' must be a list of base64", "images");
  for (const Json& image : images) {
    if (!image.is_string()) throw ApiError(400, "'images' must be a list of base64", "images");
    parts.push_back(picture_part(image));
  }
  parts.push_back({{"type", "text"}, {"text", text}});
  return parts;
}

void read_options(const Json& body, Generation& generation) {
  if (has(body, "options")) {
    const Json& options = body["options"];
    if (!options.is_object()) throw ApiError(400, "'options' must be an object", "options");
    generation.sampling = sampling_at(options);
    generation.stop = texts_at(options, "stop");
    // -1 and -2: until it ends.
    if (has(options, "num_predict") && !(options["num_predict"].is_number_integer() && options["num_predict"] < 0))
      if (const auto most = count_at(options, "num_predict", 0, UINT32_MAX); most && *most > 0)
        generation.sampling.max_tokens = static_cast<std::uint32_t>(*most);
  }
  if (has(body, "format") && body["format"] != "")
    generation.grammar = schema_grammar(body["format"] == "json" ? Json{{"type", "object"}} : body["format"]);
  if (generation.grammar) generation.thinking = PUMICE_THINKING_OFF;
  if (has(body, "think")) {
    const bool on = body["think"].is_string() || body["think"] == true;
    generation.thinking = on ? PUMICE_THINKING_ON : PUMICE_THINKING_OFF;
  }
}

Json details_of(const ServedModel& model, Service& service) {
  const PumiceModelInfo info = service.vocabulary(model.name)->info();
  return {{"parent_model", ""},
          {"format", "gguf"},
          {"family", info.architecture},
          {"families", Json::array({info.architecture})},
          {"parameter_size", fmt::format("{:.1f}M", static_cast<double>(info.parameters) / 1e6)},
          {"quantization_level", std::string(info.weight_types).substr(0, std::string(info.weight_types).find(' '))}};
}

}  // namespace

HttpResponse ollama_refused(const ApiError& error) { return json_response({{"error", error.what()}}, error.status()); }

Outcome ollama_chat(const HttpRequest& request, Service& service) {
  const Json body = parse_body(request);
  Json wanted = body;
  wanted.erase("format");
  if (wanted.contains("messages"))
    for (Json& message : wanted["messages"]) {
      if (has(message, "images")) message["content"] = with_images(string_at(message, "content"), message["images"]);
      if (has(message, "thinking")) message["reasoning_content"] = message["thinking"];
    }
  Generation generation = chat_of(wanted, request);
  read_options(body, generation);
  const std::string name = string_at(body, "model", service.find({}).name);
  service.find(name);
  return Asked{std::move(generation), std::make_unique<OllamaAnswer>(true, bool_at(body, "stream", true), name)};
}

Outcome ollama_generate(const HttpRequest& request, Service& service) {
  const Json body = parse_body(request);
  const std::string name = string_at(body, "model", service.find({}).name);
  service.find(name);
  const std::string prompt = string_at(body, "prompt"), system = string_at(body, "system");
  Generation generation;
  if (bool_at(body, "raw")) {
    generation = {.group = request.group, .prompt = prompt};
    if (has(body, "images") && !body["images"].empty())
      throw ApiError(400, "pictures come with messages, not with 'raw'", "images");
  } else {
    Json chat = body;
    chat["messages"] = Json::array();
    if (!system.empty()) chat["messages"].push_back({{"role", "system"}, {"content", system}});
    const Json content = has(body, "images") ? with_images(prompt, body["images"]) : Json(prompt);
    chat["messages"].push_back({{"role", "user"}, {"content", content}});
    generation = chat_of(chat, request);
  }
  generation.model = name;
  read_options(body, generation);
  return Asked{std::move(generation), std::make_unique<OllamaAnswer>(false, bool_at(body, "stream", true), name)};
}

// /api/embed, and /api/embeddings of older clients.
Outcome ollama_embed(const HttpRequest& request, Service& service) {
  const Json body = parse_body(request);
  const bool older = has(body, "prompt");
  const std::string name = string_at(body, "model", service.find({}).name);
  service.find(name);
  Embedding embedding{.model = name, .group = request.group, .texts = texts_at(body, older ? "prompt" : "input")};
  if (embedding.texts.empty()) throw ApiError(400, "'input' is missing", "input");
  return AskedOnce{std::move(embedding),
                   [older, name](const Event& event) {
                     const Embedded& embedded = event.embedded;
                     if (older) return json_response({{"embedding", embedded.vectors[0]}});
                     return json_response(
                         {{"model", name}, {"embeddings", embedded.vectors}, {"prompt_eval_count", embedded.tokens}});
                   },
                   ollama_refused};
}

Outcome ollama_tags(const HttpRequest&, Service& service) {
  Json models = Json::array();
  for (const ServedModel& model : service.models()) {
    std::error_code none;
    const auto bytes = std::filesystem::file_size(model.path, none);
    models.push_back({{"name", model.name},
                      {"model", model.name},
                      {"modified_at", "1970-01-01T00:00:00Z"},
                      {"size", none ? 0 : bytes},
                      {"digest", ""},
                      {"details", details_of(model, service)}});
  }
  return json_response({{"models", std::move(models)}});
}

Outcome ollama_show(const HttpRequest& request, Service& service) {
  const Json body = parse_body(request);
  const ServedModel model = service.find(string_at(body, "model", string_at(body, "name")));
  const PumiceModelInfo info = service.vocabulary(model.name)->info();
  const std::string family = info.architecture;
  Json capabilities = Json::array({"completion"});
  if (!model.projector.empty()) capabilities.push_back("vision");
  return json_response({{"modelfile", ""},
                        {"parameters", ""},
                        {"template", ""},
                        {"details", details_of(model, service)},
                        {"model_info",
                         {{"general.architecture", family},
                          {"general.parameter_count", info.parameters},
                          {family + ".context_length", info.context_length},
                          {family + ".embedding_length", info.width},
                          {family + ".block_count", info.layers}}},
                        {"capabilities", std::move(capabilities)}});
}

Outcome ollama_version(const HttpRequest&, Service&) { return json_response({{"version", pumice_version()}}); }

Outcome ollama_running(const HttpRequest&, Service& service) {
  Json models = Json::array();
  for (const std::string& name : service.loaded()) models.push_back({{"name", name}, {"model", name}});
  return json_response({{"models", std::move(models)}});
}

}  // namespace pumice_serve
