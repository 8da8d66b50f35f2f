// Options of a reply: how its tokens are drawn, and which form it has.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/presets.h"
#include "pumice/pumice.hpp"

namespace pumice_cli {

struct SamplingFlags {
  std::optional<float> temperature, top_p, min_p, repeat_penalty, frequency_penalty, presence_penalty;
  std::optional<std::uint32_t> top_k, penalty_window;
  std::optional<std::uint64_t> seed;
  std::string preset;  // its name; empty: none
  bool greedy = false;
};
// defaults: what applies where neither the command line nor the model's file says anything.
void add_sampling_flags(CLI::App* app, SamplingFlags* flags, const char* defaults);
// A preset of the user's, or a built-in one. Throws Failure, which names those that there are.
pumice_apps::Preset preset_named(const std::string& name);
// What the preset says of sampling, of the most tokens too.
void apply(const pumice_apps::Preset& preset, PumiceRequestOptions* options);
// The defaults, then what the model's file recommends, then the preset, then what the command line says; without seed.
// Throws Failure.
PumiceRequestOptions sampling_options(const pumice::Model& model, const SamplingFlags& flags,
                                      const PumiceRequestOptions& defaults);
// 53 bits, so that every JSON reader gives the number back unchanged.
std::uint64_t random_seed();

struct FormFlags {
  std::string schema_file, grammar_file, regex;
  std::vector<std::string> choices;
};
void add_form_flags(CLI::App* app, FormFlags* flags);
// Reads the file that the flags name. Throws Failure.
std::optional<pumice::Grammar> grammar_of(const pumice::Model& model, const FormFlags& flags);

struct ToolFlags {
  std::string file, choice = "auto";  // auto, none, required, or a tool's name

  bool forced() const { return !file.empty() && choice != "auto" && choice != "none"; }
};
void add_tool_flags(CLI::App* app, ToolFlags* flags);
// The file's text: a list of tools. Throws Failure.
std::string read_tools(const ToolFlags& flags);
// Of the calls that a reply may have. Throws pumice::Error.
pumice::Grammar tool_grammar_of(const pumice::Chat& chat, const std::string& tools, const ToolFlags& flags);

}  // namespace pumice_cli
