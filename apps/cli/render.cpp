// `pumice render`: what a chat template makes of conversations.
#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "commands.h"
#include "common/system.h"
#include "output.h"

namespace pumice_cli {

namespace {

using Json = nlohmann::ordered_json;

struct RenderFlags {
  std::string model, source_file, tokens, file;
  DeviceFlags device;
  bool ids = false;
};

std::string read_input(const std::string& path) {
  std::string text;
  const int reason =
      path == "-" ? pumice_apps::read_all(pumice_apps::Stream::kInput, &text) : pumice_apps::read_all(path, &text);
  if (reason == 0) return text;
  throw Failure(kExitNotFound, fmt::format("cannot read {}: {}", printable(path), pumice_apps::reason_text(reason)));
}

Json parse(const std::string& text, const std::string& name) {
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) throw Failure(kExitBadModel, printable(name) + " is not JSON");
  return json;
}

// "chat.jinja" of "/a/b/chat.jinja", without the ending.
std::string stem(std::string path) {
  if (const std::size_t slash = path.rfind('/'); slash != std::string::npos) path.erase(0, slash + 1);
  return path.substr(0, path.rfind('.'));
}

// {"bos_token", "eos_token"}, or an object that has such ones under the templates' names; a text or a file of it.
Json tokens_of(const RenderFlags& flags) {
  if (flags.tokens.empty()) return Json::object();
  Json json = parse(flags.tokens.front() == '{' ? flags.tokens : read_input(flags.tokens), "--tokens");
  const std::string name = stem(flags.source_file);
  if (json.is_object() && json.contains(name) && json[name].is_object()) return json[name];
  return json;
}

// Seconds since 1970 of a clock that shows this; nothing where it is no date.
std::optional<std::int64_t> seconds_of(const std::string& text) {
  int year = 0, hour = 0, minute = 0, second = 0;
  unsigned month = 0, day = 0;
  if (std::sscanf(text.c_str(), "%d-%u-%uT%d:%d:%d", &year, &month, &day, &hour, &minute, &second) < 3) return {};
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  if (!date.ok()) return {};
  const auto days = std::chrono::sys_days(date).time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(days).count() + hour * 3600 + minute * 60 + second;
}

pumice::Chat open_chat(const RenderFlags& flags, const pumice::Instance& instance, const pumice::Model* model,
                       const std::string& source, const Json& tokens) {
  PumiceChatOptions options = pumice_chat_options_init();
  if (!flags.source_file.empty()) {
    options.source = source.data();
    options.source_length = source.size();
  }
  std::string bos, eos;
  const auto name = [&](const char* key, std::string* to) -> const char* {
    if (!tokens.is_object() || !tokens.contains(key) || !tokens[key].is_string()) return nullptr;
    *to = tokens[key].get<std::string>();
    return to->c_str();
  };
  options.bos_token = name("bos_token", &bos);
  options.eos_token = name("eos_token", &eos);
  return pumice::Chat(instance, model, options);
}

Json render_one(const RenderFlags& flags, const pumice::Chat& chat, const Json& conversation, std::int64_t now) {
  const auto text_of = [&](const char* key) {
    if (!conversation.contains(key) || conversation[key].is_null()) return std::string();
    return conversation[key].dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  const std::string messages = text_of("messages"), tools = text_of("tools"), documents = text_of("documents"),
                    variables = text_of("kwargs");
  PumiceChatRenderOptions options = pumice_chat_render_options_init();
  options.messages = {messages.data(), messages.size()};
  options.tools = {tools.data(), tools.size()};
  options.documents = {documents.data(), documents.size()};
  options.variables = {variables.data(), variables.size()};
  options.add_generation_prompt = conversation.value("add_generation_prompt", false) ? 1 : 0;
  options.continue_final_message = conversation.value("continue_final_message", false) ? 1 : 0;
  options.now = now;
  options.plain = flags.ids ? 0 : 1;
  try {
    const pumice::ChatPrompt prompt = chat.render(options);
    Json line = {{"text", prompt.text}};
    if (flags.ids) line["ids"] = prompt.ids;
    return line;
  } catch (const pumice::Error& error) {
    if (error.code() == PUMICE_INTERNAL || error.code() == PUMICE_OUT_OF_HOST_MEMORY) throw;
    return {{"error", error.what()}};
  }
}

int render(const RenderFlags& flags) {
  Messages messages(flags.device);
  const Json file = parse(read_input(flags.file), flags.file);
  const bool whole = file.is_object() && file.contains("conversations");
  const Json list = whole ? file["conversations"] : (file.is_array() ? file : Json::array({file}));
  const pumice::Instance instance = open_instance(flags.device, &messages);
  std::optional<pumice::Model> model;
  if (!flags.model.empty() || flags.source_file.empty()) model.emplace(open_vocabulary(instance, flags.model));
  const std::string source = flags.source_file.empty() ? std::string() : read_input(flags.source_file);
  const pumice::Chat chat = open_chat(flags, instance, model ? &*model : nullptr, source, tokens_of(flags));
  const std::string now =
      whole && file.contains("now") && file["now"].is_string() ? file["now"].get<std::string>() : "";
  for (const Json& conversation : list) {
    if (!conversation.is_object()) throw Failure(kExitBadModel, "a conversation is an object with \"messages\"");
    const Json line = render_one(flags, chat, conversation, seconds_of(now).value_or(0));
    write_stdout(line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
  }
  return messages.exit_code();
}

}  // namespace

void add_render_command(CLI::App* app, Action* action) {
  auto flags = std::make_shared<RenderFlags>();
  CLI::App* command = app->add_subcommand("render", "print what a chat template makes of conversations (needs no GPU)");
  command->footer(
      "\nThe file has {\"conversations\": [...]}, a list, or one conversation: an object with \"messages\" and, where\n"
      "wanted, \"tools\", \"documents\", \"kwargs\" (variables of the template), \"add_generation_prompt\" and\n"
      "\"continue_final_message\"; \"now\" beside the list is what clocks show. A line of JSON for each:\n"
      "{\"text\"}, or {\"error\"} where the template refuses.\n");
  add_model_flag(command, &flags->model);
  command->add_option("--template", flags->source_file, "a file with a template instead of the model's")
      ->check(not_empty())
      ->type_name("FILE");
  command
      ->add_option(
          "--tokens", flags->tokens,
          "{\"bos_token\": …, \"eos_token\": …}, the names that the template knows them by, or a file of that; "
          "it may have one such object for each template's name")
      ->type_name("JSON");
  command->add_option("-f,--file", flags->file, "the conversations; '-' is standard input")
      ->required()
      ->check(not_empty())
      ->type_name("FILE");
  command->add_flag("--ids", flags->ids, "also the token ids (with a model)");
  add_verbosity_flags(command, &flags->device);
  command->callback([=] { *action = [flags] { return render(*flags); }; });
}

}  // namespace pumice_cli
