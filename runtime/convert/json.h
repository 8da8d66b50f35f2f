// JSON from files: parsed within limits, and read without exceptions.
#pragma once

// The library never ends the host's process, whatever is built.
#define JSON_ASSERT(expression) static_cast<void>(0)
#define JSON_NO_IO
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pumice {

using Json = nlohmann::json;

// Status::kMalformed for what is no JSON object, with `name` before the reason. Of keys that occur twice the last
// counts.
Result<Json> parse_json_object(std::string_view text, const std::string& name);

// nullptr where the key is absent, null, or `json` no object.
const Json* member(const Json& json, const char* key);
std::optional<std::string> text_member(const Json& json, const char* key);
std::optional<uint64_t> count_member(const Json& json, const char* key);
std::optional<double> number_member(const Json& json, const char* key);
std::optional<bool> flag_member(const Json& json, const char* key);

}  // namespace pumice
