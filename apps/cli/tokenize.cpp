// `pumice tokenize`: token ids of a text.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "input.h"
#include "output.h"

namespace pumice_cli {

namespace {

struct TokenizeFlags {
  std::string model;
  DeviceFlags device;
  PromptFlags prompt;
  bool json = false;
};

int tokenize(const TokenizeFlags& flags) {
  Messages messages(flags.device);
  const std::string text = read_prompt(flags.prompt);
  const pumice::Instance instance = open_instance(flags.device, &messages);
  const pumice::Model model = open_vocabulary(instance, flags.model);
  const std::vector<std::int32_t> ids = model.tokenize(text, flags.prompt.tokenize_flags());
  if (!flags.json) {
    write_stdout(fmt::format("{}\n", fmt::join(ids, " ")));
    return kExitOk;
  }
  nlohmann::ordered_json tokens = nlohmann::ordered_json::array();
  for (const std::int32_t id : ids) tokens.push_back({{"id", id}, {"text", model.token_text(id)}});
  const nlohmann::ordered_json json = {{"ids", ids}, {"tokens", tokens}};
  write_stdout(json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  return kExitOk;
}

}  // namespace

void add_tokenize_command(CLI::App* app, Action* action) {
  auto flags = std::make_shared<TokenizeFlags>();
  CLI::App* command = app->add_subcommand("tokenize", "print the token ids of a text (any bytes; needs no GPU)");
  command->footer(std::string("\nThe ids stand on one line. ") + kPromptHelp);
  add_model_flag(command, &flags->model);
  add_prompt_flags(command, &flags->prompt, false);
  command->add_flag("--json", flags->json, "an object with ids and tokens (id and text)");
  add_verbosity_flags(command, &flags->device);
  command->callback([=] { *action = [flags] { return tokenize(*flags); }; });
}

}  // namespace pumice_cli
