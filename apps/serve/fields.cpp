#include "serve/fields.h"

#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <random>

namespace pumice_serve {

namespace {

[[noreturn]] void wrong(const std::string& name, const std::string& what) {
  throw ApiError(400, fmt::format("'{}' must be {}", name, what), name);
}

}  // namespace

Json parse_body(const HttpRequest& request) {
  Json body = Json::parse(request.body, nullptr, false);
  if (body.is_discarded()) throw ApiError(400, "the body is no JSON");
  if (!body.is_object()) throw ApiError(400, "the body must be a JSON object");
  return body;
}

bool has(const Json& object, const char* name) { return object.contains(name) && !object[name].is_null(); }

std::string string_at(const Json& object, const char* name, const std::string& otherwise) {
  if (!has(object, name)) return otherwise;
  if (!object[name].is_string()) wrong(name, "a string");
  return object[name];
}

bool bool_at(const Json& object, const char* name, bool otherwise) {
  if (!has(object, name)) return otherwise;
  if (!object[name].is_boolean()) wrong(name, "true or false");
  return object[name];
}

std::optional<double> number_at(const Json& object, const char* name, double least, double most) {
  if (!has(object, name)) return std::nullopt;
  const double value = object[name].is_number() ? object[name].get<double>() : std::nan("");
  if (!(value >= least && value <= most)) wrong(name, fmt::format("a number from {} to {}", least, most));
  return value;
}

std::optional<std::uint64_t> count_at(const Json& object, const char* name, std::uint64_t least, std::uint64_t most) {
  if (!has(object, name)) return std::nullopt;
  const Json& value = object[name];
  const bool good =
      value.is_number_unsigned() && value.get<std::uint64_t>() >= least && value.get<std::uint64_t>() <= most;
  if (!good) wrong(name, fmt::format("an integer from {} to {}", least, most));
  return value.get<std::uint64_t>();
}

std::vector<std::string> texts_at(const Json& object, const char* name) {
  constexpr std::size_t kMost = 4096;
  if (!has(object, name)) return {};
  const Json& value = object[name];
  if (value.is_string()) return {value.get<std::string>()};
  if (!value.is_array() || value.size() > kMost) wrong(name, fmt::format("a string or a list of at most {}", kMost));
  std::vector<std::string> texts;
  for (const Json& text : value) {
    if (!text.is_string()) wrong(name, "a list of strings");
    texts.push_back(text);
  }
  return texts;
}

// The bytes of a part that is a picture, as OpenAI's chats and responses and as Anthropic have it; empty: it is none.
static std::optional<std::string> picture_of(const Json& part, const std::string& type, const char* param) {
  std::string url;
  if (type == "image") {
    const Json source = part.value("source", Json());
    if (!source.is_object() || string_at(source, "type") != "base64")
      throw ApiError(400, "a picture must have a 'source' of the type base64", param);
    url = "data:;base64," + string_at(source, "data");
  } else if (type == "image_url" || type == "input_image") {
    const Json given = part.value("image_url", Json());
    url = given.is_object() ? string_at(given, "url") : string_at(part, "image_url");
  } else {
    return std::nullopt;
  }
  constexpr std::string_view kBase64 = ";base64,";
  const std::size_t at = url.find(kBase64);
  if (!url.starts_with("data:") || at == std::string::npos)
    throw ApiError(400, "this server fetches no pictures: send them in the request, as data:image/png;base64,…", param);
  std::optional<std::string> bytes = from_base64(std::string_view(url).substr(at + kBase64.size()));
  if (!bytes || bytes->empty()) throw ApiError(400, "a picture is no base64", param);
  return bytes;
}

Json picture_part(const std::string& base64) {
  return {{"type", "image_url"}, {"image_url", {{"url", "data:;base64," + base64}}}};
}

std::string content_text(const Json& content, const char* param, Pictures* pictures) {
  if (content.is_null()) return {};
  if (content.is_string()) return content;
  if (!content.is_array()) wrong(param, "a text or a list of parts");
  std::string text;
  for (const Json& part : content) {
    const std::string type = part.is_object() ? string_at(part, "type", "text") : "";
    if (auto picture = pictures && part.is_object() ? picture_of(part, type, param) : std::nullopt) {
      if (pictures->mark.empty()) pictures->mark = random_id("picture-");
      text += pictures->mark;
      pictures->files.push_back(std::move(*picture));
      continue;
    }
    if (type != "text" && type != "input_text" && type != "output_text")
      throw ApiError(400, fmt::format("content of the type '{}' is not supported: this server takes text", type),
                     param);
    text += string_at(part, "text");
  }
  return text;
}

// As llama-server has it: [{"id", "scale"}].
static std::optional<std::map<std::size_t, float>> adapters_at(const Json& object) {
  constexpr std::size_t kMost = 1024;
  if (!has(object, "lora")) return std::nullopt;
  const Json& list = object["lora"];
  if (!list.is_array() || list.size() > kMost) wrong("lora", "a list of {\"id\", \"scale\"}");
  std::map<std::size_t, float> scales;
  for (const Json& each : list) {
    const auto id = each.is_object() ? count_at(each, "id", 0, kMost) : std::nullopt;
    const auto scale = each.is_object() ? number_at(each, "scale", -1e6, 1e6) : std::nullopt;
    if (!id || !scale) wrong("lora", "a list of {\"id\", \"scale\"}");
    scales[*id] = static_cast<float>(*scale);
  }
  return scales;
}

Sampling sampling_at(const Json& object) {
  Sampling sampling;
  const auto number = [&](const char* name, double least, double most, std::optional<float>& to) {
    if (const auto value = number_at(object, name, least, most)) to = static_cast<float>(*value);
  };
  number("temperature", 0, 100, sampling.temperature);
  number("top_p", 0, 1, sampling.top_p);
  number("min_p", 0, 1, sampling.min_p);
  number("repeat_penalty", 0, 100, sampling.repeat_penalty);
  number("frequency_penalty", -2, 2, sampling.frequency_penalty);
  number("presence_penalty", -2, 2, sampling.presence_penalty);
  if (const auto top_k = count_at(object, "top_k", 0, 1u << 30)) sampling.top_k = static_cast<std::uint32_t>(*top_k);
  // Some clients send -1 for any.
  if (has(object, "seed") && !(object["seed"].is_number_integer() && object["seed"] == -1))
    sampling.seed = count_at(object, "seed", 0, UINT64_MAX);
  sampling.adapters = adapters_at(object);
  return sampling;
}

std::vector<PumiceTokenBias> biases_at(const Json& object) {
  constexpr const char* kForm = "{\"ID\": bias} or [[ID, bias]], with biases from -100 to 100, or false for never";
  constexpr float kNever = -1e9f;
  std::vector<PumiceTokenBias> biases;
  const auto add = [&](const Json& id, const Json& bias) {
    if (biases.size() == PUMICE_MOST_BIASES)
      wrong("logit_bias", fmt::format("of at most {} tokens", PUMICE_MOST_BIASES));
    const bool forbids = bias.is_boolean() && !bias.get<bool>();
    const double value = bias.is_number() ? bias.get<double>() : forbids ? 0 : std::nan("");
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() > INT32_MAX || !(std::fabs(value) <= 100))
      wrong("logit_bias", kForm);
    biases.push_back({id.get<std::int32_t>(), forbids ? kNever : static_cast<float>(value)});
  };
  if (!has(object, "logit_bias")) return biases;
  const Json& given = object["logit_bias"];
  if (!given.is_object() && !given.is_array()) wrong("logit_bias", kForm);
  for (const auto& [name, bias] : given.items()) {
    if (given.is_object()) {
      add(Json::parse(name, nullptr, false), bias);
    } else {
      if (!bias.is_array() || bias.size() != 2) wrong("logit_bias", kForm);
      add(bias[0], bias[1]);
    }
  }
  return biases;
}

void read_queueing(const Json& object, Generation& generation) {
  constexpr double kMostPriority = 1e9;
  constexpr std::uint64_t kLongest = 7 * 24 * 3600 * std::uint64_t{1000};
  generation.priority =
      static_cast<std::int64_t>(number_at(object, "priority", -kMostPriority, kMostPriority).value_or(0));
  if (const auto ms = count_at(object, "deadline_ms", 1, kLongest))
    generation.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(*ms);
}

Json cached_from(const PumiceTimings& timings) {
  return {{"device", timings.cached_from[PUMICE_SOURCE_DEVICE]},
          {"ram", timings.cached_from[PUMICE_SOURCE_RAM]},
          {"disk", timings.cached_from[PUMICE_SOURCE_DISK]},
          {"redis", timings.cached_from[PUMICE_SOURCE_REDIS]}};
}

std::string random_id(const std::string& prefix) {
  thread_local std::mt19937_64 random{std::random_device()()};
  return fmt::format("{}{:016x}{:08x}", prefix, random(), random() & 0xffffffff);
}

std::int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// RFC 4648.
static constexpr char kBase64Digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string base64(const void* bytes, std::size_t size) {
  const auto* at = static_cast<const unsigned char*>(bytes);
  std::string text;
  for (std::size_t i = 0; i < size; i += 3) {
    std::uint32_t group = static_cast<std::uint32_t>(at[i]) << 16;
    if (i + 1 < size) group |= static_cast<std::uint32_t>(at[i + 1]) << 8;
    if (i + 2 < size) group |= at[i + 2];
    for (std::size_t digit = 0; digit < 4; ++digit)
      text += i + digit > size ? '=' : kBase64Digits[group >> (18 - 6 * digit) & 63];
  }
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 3);
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (const char digit : text) {
    const char* found = digit == '\0' ? nullptr : std::strchr(kBase64Digits, digit);
    if (!found) return std::nullopt;
    group = group << 6 | static_cast<std::uint32_t>(found - kBase64Digits);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(group >> bits & 255);
  }
  return bytes;
}

GrammarText schema_grammar(const Json& schema) { return {PUMICE_GRAMMAR_JSON_SCHEMA, text_of(schema)}; }

Json arguments_of(const Json& call) {
  const Json& function = call.contains("function") ? call["function"] : call;
  Json arguments = function.value("arguments", Json::object());
  if (arguments.is_string()) arguments = Json::parse(arguments.get<std::string>(), nullptr, false);
  return arguments.is_object() ? arguments : Json::object();
}

Json call_with_id(const Json& call) {
  Json function = call.contains("function") ? call["function"] : call;
  if (!function.contains("name")) function["name"] = "";
  if (!function.contains("arguments")) function["arguments"] = "{}";
  if (!function["arguments"].is_string()) function["arguments"] = text_of(function["arguments"]);
  const std::string id = string_at(call, "id");
  return {{"id", id.empty() ? random_id("call_") : id}, {"type", "function"}, {"function", std::move(function)}};
}

}  // namespace pumice_serve
