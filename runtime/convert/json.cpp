#include "convert/json.h"

namespace pumice {
namespace {

constexpr int kMostDepth = 32;

}  // namespace

Result<Json> parse_json_object(std::string_view text, const std::string& name) {
  bool too_deep = false;
  const auto shallow = [&](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kMostDepth;
    return depth <= kMostDepth;
  };
  Json json = Json::parse(text, shallow, false);
  if (too_deep || !json.is_object())
    return error(Status::kMalformed, "%s is no JSON object%s; get it again", name.c_str(),
                 too_deep ? " of a sane depth" : "");
  return json;
}

const Json* member(const Json& json, const char* key) {
  if (!json.is_object()) return nullptr;
  const auto found = json.find(key);
  return found != json.end() && !found->is_null() ? &*found : nullptr;
}

std::optional<std::string> text_member(const Json& json, const char* key) {
  const Json* value = member(json, key);
  if (!value || !value->is_string()) return std::nullopt;
  return *value->get_ptr<const std::string*>();
}

std::optional<uint64_t> count_member(const Json& json, const char* key) {
  const Json* value = member(json, key);
  if (!value || !value->is_number_unsigned()) return std::nullopt;
  return *value->get_ptr<const uint64_t*>();
}

std::optional<double> number_member(const Json& json, const char* key) {
  const Json* value = member(json, key);
  if (!value) return std::nullopt;
  if (value->is_number_float()) return *value->get_ptr<const double*>();
  if (value->is_number_unsigned()) return static_cast<double>(*value->get_ptr<const uint64_t*>());
  if (value->is_number_integer()) return static_cast<double>(*value->get_ptr<const int64_t*>());
  return std::nullopt;
}

std::optional<bool> flag_member(const Json& json, const char* key) {
  const Json* value = member(json, key);
  if (!value || !value->is_boolean()) return std::nullopt;
  return *value->get_ptr<const bool*>();
}

}  // namespace pumice
