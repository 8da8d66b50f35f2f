// Presets: named ways to reply that all applications share: how tokens are drawn, and what the model is told
// beforehand.
//
// Some are built in. A user's are files NAME.json in preset_folder(), such as
//   {"system": "Be brief.", "temperature": 0.7, "top_p": 0.9, "min_p": 0.05, "top_k": 40, "repeat_penalty": 1.05,
//    "frequency_penalty": 0, "presence_penalty": 0, "penalty_window": 64, "max_tokens": 200}
// and take the place of a built-in one with the same name. What a preset leaves out stays as it is.
// Thread rule: any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pumice_apps {

struct Preset {
  std::string name;
  std::string system;  // empty: none
  std::optional<float> temperature, top_p, min_p, repeat_penalty, frequency_penalty, presence_penalty;
  std::optional<std::uint32_t> top_k, penalty_window, max_tokens;
  bool built_in = false;
  std::string problem;  // why its file cannot be used; the rest is empty then
};

// $XDG_CONFIG_HOME/pumice/presets, or in ~/.config; empty: there is no home.
std::string preset_folder();
// By name, each once.
std::vector<Preset> presets_in(const std::string& folder);
// Whether a preset may be called so: letters, digits, '-', '_' and spaces between them, 64 bytes at most.
bool is_preset_name(std::string_view name);
// What stands in the file of that name; a problem where it is none.
Preset parse_preset(std::string_view name, const std::string& text);
// Makes the folder where it is not there. The system's reason (errno), or 0.
int save_preset(const std::string& folder, const Preset& preset);

}  // namespace pumice_apps
