// A validator for the part of JSON Schema (draft 2020-12) that this project's schemas use. A keyword that it does not
// know is a problem, so that a schema cannot ask for more than is checked.
#pragma once

#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <string>

namespace pumice::test {

class SchemaValidator {
 public:
  explicit SchemaValidator(nlohmann::json schema) : root_(std::move(schema)) {}
  // Empty when the document fits; else one line a problem.
  std::string validate(const nlohmann::json& document) const { return check(root_, document, "$"); }

 private:
  using Json = nlohmann::json;

  static bool has_type(const Json& value, const std::string& type) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    if (type == "null") return value.is_null();
    if (type == "integer") return value.is_number_integer();
    return type == "number" && value.is_number();
  }
  static bool has_type(const Json& value, const Json& types) {
    if (types.is_string()) return has_type(value, types.get<std::string>());
    for (const Json& type : types) {
      if (has_type(value, type.get<std::string>())) return true;
    }
    return false;
  }
  static bool contains(const Json& list, const Json& value) {
    for (const Json& item : list) {
      if (item == value) return true;
    }
    return false;
  }

  std::string check(const Json& schema, const Json& value, const std::string& path) const {
    static const std::set<std::string> kKnown = {
        "$schema",  "$defs",      "$ref",  "title", "description", "type",    "additionalProperties",
        "required", "properties", "items", "enum",  "const",       "minimum", "minItems",
        "pattern"};
    std::string problems;
    const auto complain = [&](const std::string& what) { problems += path + ": " + what + "\n"; };
    for (const auto& [keyword, unused] : schema.items()) {
      if (!kKnown.contains(keyword)) complain("unknown keyword " + keyword);
    }
    if (schema.contains("$ref"))
      problems += check(root_.at(Json::json_pointer(schema["$ref"].get<std::string>().substr(1))), value, path);
    if (schema.contains("type") && !has_type(value, schema["type"])) complain("is not " + schema["type"].dump());
    if (schema.contains("enum") && !contains(schema["enum"], value)) complain("is not one of " + schema["enum"].dump());
    if (schema.contains("const") && schema["const"] != value) complain("is not " + schema["const"].dump());
    if (schema.contains("minimum") && value.is_number() && value < schema["minimum"]) complain("is too small");
    if (schema.contains("pattern") && value.is_string() &&
        !std::regex_search(value.get<std::string>(), std::regex(schema["pattern"].get<std::string>())))
      complain("does not match");
    if (value.is_array() && value.size() < schema.value("minItems", std::size_t{0})) complain("has too few items");
    for (std::size_t i = 0; value.is_array() && schema.contains("items") && i < value.size(); ++i)
      problems += check(schema["items"], value[i], path + "[" + std::to_string(i) + "]");
    if (value.is_object()) problems += check_members(schema, value, path);
    return problems;
  }

  std::string check_members(const Json& schema, const Json& value, const std::string& path) const {
    std::string problems;
    const Json properties = schema.value("properties", Json::object());
    for (const Json& key : schema.value("required", Json::array())) {
      if (!value.contains(key.get<std::string>())) problems += path + ": lacks " + key.get<std::string>() + "\n";
    }
    for (const auto& [key, member] : value.items()) {
      if (properties.contains(key)) {
        problems += check(properties[key], member, path + "." + key);
      } else if (!schema.value("additionalProperties", true)) {
        problems += path + ": has an unknown member " + key + "\n";
      }
    }
    return problems;
  }

  Json root_;
};

}  // namespace pumice::test
