// Names of model files: which of them belong together, and which weight type a name speaks of.
// Thread rule: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pumice_apps {

struct SplitName {
  std::string base;  // "model" of "model-00001-of-00003.gguf"
  unsigned part = 1, parts = 1;
};
// Of a file's name with its ending; nothing where it is no GGUF file's.
std::optional<SplitName> split_name(std::string_view file);

// "Q4_K_M" of "SmolLM2-135M-Instruct.q4_k_m"; empty where the name ends in none.
std::string quantisation_of(std::string_view base);

// A projector of pictures or sounds, which goes with a model and is none.
bool is_projector_name(std::string_view file);

std::string lower_case(std::string_view text);  // of ASCII

}  // namespace pumice_apps
