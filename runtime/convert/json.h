// JSON of other programs' files: an object within limits, and the members that a reader wants, if they are what it
// wants.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace pumice {

// Status::kMalformed for what is no JSON object, with `name` before the reason.
Result<Json> parse_json_object(std::string_view text, const std::string& name);

// A whole number from 0 on, without fraction or exponent.
std::optional<uint64_t> count_of(const Json& json);

// nullptr where the key is absent, null, or `json` no object.
const Json* member(const Json& json, const char* key);
// nullptr where it is no array.
const Json::Array* array_member(const Json& json, const char* key);
std::optional<std::string> text_member(const Json& json, const char* key);
std::optional<uint64_t> count_member(const Json& json, const char* key);
std::optional<double> number_member(const Json& json, const char* key);
std::optional<bool> flag_member(const Json& json, const char* key);

}  // namespace pumice
