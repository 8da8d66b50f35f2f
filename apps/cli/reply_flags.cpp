#include "reply_flags.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <random>

#include "input.h"
#include "output.h"
#include "session.h"

namespace pumice_cli {

void add_sampling_flags(CLI::App* run, SamplingFlags* flags, const char* defaults) {
  const auto number = [&](const char* name, std::optional<float>* value, double low, double high, const char* type,
                          const char* description) {
    run->add_option(name, *value, description)->check(finite_range(low, high))->type_name(type)->group("Sampling");
  };
  const auto count = [&](const char* name, std::optional<std::uint32_t>* value, const char* type,
                         const char* description) {
    run->add_option(name, *value, description)->type_name(type)->group("Sampling");
  };
  number("--temp", &flags->temperature, 0, 100, "T",
         (std::string("temperature; 0 is --greedy (defaults: the file's, or ") + defaults + ")").c_str());
  count("--top-k", &flags->top_k, "K", "draw from the K most likely tokens; 0: off");
  number("--top-p", &flags->top_p, 0, 1, "P", "draw from the most likely tokens that make up P together; 1: off");
  number("--min-p", &flags->min_p, 0, 1, "P", "leave out tokens below P times the most likely one; 0: off");
  number("--repeat-penalty", &flags->repeat_penalty, 0.01, 100, "X", "weaken tokens that occurred lately; 1: off");
  number("--frequency-penalty", &flags->frequency_penalty, -100, 100, "X",
         "subtracted from the logit for each occurrence (default: off)");
  number("--presence-penalty", &flags->presence_penalty, -100, 100, "X",
         "subtracted from the logit if it occurred at all (default: off)");
  count("--penalty-window", &flags->penalty_window, "N",
        "how many last tokens the penalties look at (default: the file's, or 64)");
  run->add_option("--seed", flags->seed, "the same seed gives the same text (default: random)")
      ->type_name("S")
      ->group("Sampling");
  run->add_option("--preset", flags->preset, "balanced, exact, lively, or one of yours; options go before it")
      ->check(not_empty())
      ->type_name("NAME")
      ->group("Sampling");
  run->add_flag("--greedy", flags->greedy, "always the most likely token; no penalties unless given here")
      ->group("Sampling");
}

pumice_apps::Preset preset_named(const std::string& name) {
  const std::string folder = pumice_apps::preset_folder();
  std::string names;
  for (const pumice_apps::Preset& preset : pumice_apps::presets_in(folder)) {
    names += (names.empty() ? "" : ", ") + preset.name;
    if (preset.name != name) continue;
    if (preset.problem.empty()) return preset;
    throw Failure(kExitBadModel, printable(preset.problem));
  }
  throw Failure(kExitNotFound, fmt::format("there is no preset {}: there are {}; yours are files NAME.json in {}",
                                           printable(name), printable(names), printable(folder)));
}

namespace {

void set_given(auto& to, const auto& given) {
  if (given) to = *given;
}

}  // namespace

void apply(const pumice_apps::Preset& preset, PumiceRequestOptions* options) {
  set_given(options->temperature, preset.temperature);
  set_given(options->top_k, preset.top_k);
  set_given(options->top_p, preset.top_p);
  set_given(options->min_p, preset.min_p);
  set_given(options->repeat_penalty, preset.repeat_penalty);
  set_given(options->frequency_penalty, preset.frequency_penalty);
  set_given(options->presence_penalty, preset.presence_penalty);
  set_given(options->penalty_window, preset.penalty_window);
  set_given(options->max_tokens, preset.max_tokens);
}

PumiceRequestOptions sampling_options(const pumice::Model& model, const SamplingFlags& flags,
                                      const PumiceRequestOptions& defaults) {
  PumiceRequestOptions options = model.sampling(defaults);
  if (!flags.preset.empty()) apply(preset_named(flags.preset), &options);
  set_given(options.temperature, flags.temperature);
  if (flags.greedy || flags.temperature == 0.0f) {
    options.temperature = 0;
    options.repeat_penalty = pumice_request_options_init().repeat_penalty;
  }
  set_given(options.top_k, flags.top_k);
  set_given(options.top_p, flags.top_p);
  set_given(options.min_p, flags.min_p);
  set_given(options.repeat_penalty, flags.repeat_penalty);
  set_given(options.frequency_penalty, flags.frequency_penalty);
  set_given(options.presence_penalty, flags.presence_penalty);
  set_given(options.penalty_window, flags.penalty_window);
  return options;
}

void add_form_flags(CLI::App* run, FormFlags* flags) {
  CLI::Option* const all[] = {
      run->add_option("--json-schema", flags->schema_file,
                      "the reply is JSON that this schema accepts; -: standard input")
          ->type_name("FILE"),
      run->add_option("--grammar", flags->grammar_file, "the reply matches this grammar (GBNF)")->type_name("FILE"),
      run->add_option("--regex", flags->regex, "this regular expression matches the whole reply")->type_name("REGEX"),
      run->add_option("--choice", flags->choices, "the reply is this text, or another --choice")->type_name("TEXT")};
  for (CLI::Option* one : all) {
    one->group("Form of the reply");
    for (CLI::Option* other : all)
      if (other != one) one->excludes(other);
  }
}

std::optional<pumice::Grammar> grammar_of(const pumice::Model& model, const FormFlags& flags) {
  if (!flags.schema_file.empty())
    return pumice::Grammar(model, PUMICE_GRAMMAR_JSON_SCHEMA, read_text(flags.schema_file, "the schema"));
  if (!flags.grammar_file.empty())
    return pumice::Grammar(model, PUMICE_GRAMMAR_GBNF, read_text(flags.grammar_file, "the grammar"));
  if (!flags.regex.empty()) return pumice::Grammar(model, PUMICE_GRAMMAR_REGEX, flags.regex);
  if (!flags.choices.empty())
    return pumice::Grammar(model, PUMICE_GRAMMAR_CHOICES, nlohmann::json(flags.choices).dump());
  return std::nullopt;
}

std::uint64_t random_seed() {
  std::random_device source;
  return ((static_cast<std::uint64_t>(source()) << 32) | source()) >> 11;
}

void add_tool_flags(CLI::App* app, ToolFlags* flags) {
  CLI::Option* file =
      app->add_option("--tools", flags->file, "tools that the reply may call: a JSON list as OpenAI's interface has it")
          ->check(not_empty())
          ->type_name("FILE")
          ->group("Form of the reply");
  app->add_option("--tool-choice", flags->choice, "whether it calls them: auto, none, required, or the name of the one")
      ->check(not_empty())
      ->type_name("CHOICE")
      ->needs(file)
      ->group("Form of the reply")
      ->capture_default_str();
}

std::string read_tools(const ToolFlags& flags) {
  std::string tools = read_text(flags.file, "the list of tools");
  const nlohmann::json list = nlohmann::json::parse(tools, nullptr, false);
  if (list.is_array()) return tools;
  throw Failure(kExitBadModel, printable(flags.file) +
                                   " is no JSON list of tools: [{\"type\": \"function\", "
                                   "\"function\": {\"name\": …, \"parameters\": …}}]");
}

pumice::Grammar tool_grammar_of(const pumice::Chat& chat, const std::string& tools, const ToolFlags& flags) {
  PumiceChatGrammarOptions options = pumice_chat_grammar_options_init();
  options.tools = {tools.data(), tools.size()};
  options.choice = flags.choice == "auto"   ? PUMICE_TOOLS_AUTO
                   : flags.choice == "none" ? PUMICE_TOOLS_NONE
                                            : PUMICE_TOOLS_REQUIRED;
  if (flags.forced() && flags.choice != "required") options.name = {flags.choice.data(), flags.choice.size()};
  return chat.grammar(options);
}

}  // namespace pumice_cli
