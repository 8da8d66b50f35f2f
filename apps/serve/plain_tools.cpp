#include "serve/plain_tools.h"

#include <utility>

namespace pumice_serve {

namespace {

std::string instructions_of(const Generation& generation, const Json& tools) {
  Json functions = Json::array();
  for (const Json& tool : tools) functions.push_back(tool["function"]);
  const std::string how = R"(answer with nothing but a JSON object: {"name": "...", "arguments": {...}})";
  const bool required = generation.tool_choice == PUMICE_TOOLS_REQUIRED;
  return "You can call these functions: " + text_of(functions) + "\n" +
         (required ? "Call one of them: " : "To call one, ") + how;
}

Json schema_of_calls(const Generation& generation, const Json& tools) {
  Json calls = Json::array();
  for (const Json& tool : tools) {
    const Json& function = tool["function"];
    if (!generation.tool_name.empty() && function["name"] != generation.tool_name) continue;
    const Json arguments = function.value("parameters", Json{{"type", "object"}});
    calls.push_back({{"type", "object"},
                     {"properties", {{"name", {{"const", function["name"]}}}, {"arguments", arguments}}},
                     {"required", {"name", "arguments"}},
                     {"additionalProperties", false}});
  }
  if (calls.empty()) throw ApiError(400, "no tool has that name", "tool_choice");
  return calls.size() == 1 ? calls[0] : Json{{"anyOf", std::move(calls)}};
}

}  // namespace

Generation with_plain_tools(const Generation& generation) {
  const Json tools = Json::parse(generation.tools);
  Generation made = generation;
  made.tools.clear();
  const std::string instructions = instructions_of(generation, tools);
  Json& messages = made.messages;
  if (!messages.empty() && messages[0]["role"] == "system") {
    messages[0]["content"] = messages[0]["content"].get<std::string>() + "\n\n" + instructions;
  } else {
    messages.insert(messages.begin(), Json{{"role", "system"}, {"content", instructions}});
  }
  if (generation.tool_choice == PUMICE_TOOLS_REQUIRED)
    made.grammar = {PUMICE_GRAMMAR_JSON_SCHEMA, text_of(schema_of_calls(generation, tools))};
  return made;
}

std::optional<Json> plain_call_of(const std::string& content, const std::string& tools) {
  const Json call = Json::parse(content, nullptr, false);
  if (!call.is_object() || !call.contains("name") || !call.value("arguments", Json()).is_object()) return std::nullopt;
  for (const Json& tool : Json::parse(tools))
    if (tool["function"]["name"] == call["name"])
      return Json{{"type", "function"}, {"function", {{"name", call["name"]}, {"arguments", call["arguments"]}}}};
  return std::nullopt;
}

}  // namespace pumice_serve
