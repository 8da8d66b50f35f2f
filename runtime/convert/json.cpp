#include "convert/json.h"

#include <charconv>
#include <cmath>

namespace pumice {

Result<Json> parse_json_object(std::string_view text, const std::string& name) {
  constexpr uint32_t kMostDepth = 32;
  Result<Json> json = Json::parse(text, {.depth = kMostDepth});
  if (!json || !json->is_object())
    return error(Status::kMalformed, "%s is no JSON object: %s; get it again", name.c_str(),
                 json ? "it is another value" : json.error().message.c_str());
  return json;
}

std::optional<uint64_t> count_of(const Json& json) {
  if (!json.is_number()) return std::nullopt;
  const std::string& text = json.as_number().text;
  uint64_t count = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return count;
}

const Json* member(const Json& json, const char* key) {
  const Json* found = json.find(key);
  return found && !found->is_null() ? found : nullptr;
}

const Json::Array* array_member(const Json& json, const char* key) {
  const Json* value = member(json, key);
  return value && value->is_array() ? &value->items() : nullptr;
}

std::optional<std::string> text_member(const Json& json, const char* key) {
  const Json* value = member(json, key);
  if (!value || !value->is_string()) return std::nullopt;
  return value->as_string();
}

std::optional<uint64_t> count_member(const Json& json, const char* key) {
  const Json* value = member(json, key);
  return value ? count_of(*value) : std::nullopt;
}

std::optional<double> number_member(const Json& json, const char* key) {
  const Json* value = member(json, key);
  if (!value || !value->is_number() || !std::isfinite(value->as_number().value)) return std::nullopt;
  return value->as_number().value;
}

std::optional<bool> flag_member(const Json& json, const char* key) {
  const Json* value = member(json, key);
  if (!value || !value->is_bool()) return std::nullopt;
  return value->as_bool();
}

}  // namespace pumice
