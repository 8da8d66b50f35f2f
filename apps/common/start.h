// How the applications start: the bundled model, and what a driver asks of the process. Header alone, so that only
// programs that use Pumice are linked with it.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "common/system.h"
#include "pumice/pumice.hpp"

namespace pumice_apps {

inline constexpr const char* kBundledModel = "storyteller-5m-Q4_K_M.gguf";

// Where the bundled model may lie.
inline std::vector<std::filesystem::path> model_folders() {
  const std::filesystem::path here = std::filesystem::path(program_path()).parent_path();
  std::vector<std::filesystem::path> folders = {here / "../share/pumice/models", here / "../../models"};
  // These are relative to the program, or absolute.
#ifdef PUMICE_INSTALLED_MODELS_DIR
  folders.push_back(here / PUMICE_INSTALLED_MODELS_DIR);
#endif
#ifdef PUMICE_MODELS_DIR  // of the source tree
  folders.push_back(here / PUMICE_MODELS_DIR);
#endif
  return folders;
}

// Empty: it is not there.
inline std::string bundled_model() {
  std::error_code ignored;
  for (const std::filesystem::path& folder : model_folders())
    if (std::filesystem::exists(folder / kBundledModel, ignored))
      return (folder / kBundledModel).lexically_normal().string();
  return {};
}

struct EnvironmentVariable {
  std::string name, value;
};
// What drivers ask for (PumiceDeviceInfo.environment).
inline std::vector<EnvironmentVariable> asked_environment(const std::vector<PumiceDeviceInfo>& devices) {
  std::vector<EnvironmentVariable> asked;
  for (const PumiceDeviceInfo& info : devices) {
    std::istringstream words(info.environment);
    for (std::string word; words >> word;) {
      const std::size_t equals = word.find('=');
      if (equals != std::string::npos) asked.push_back({word.substr(0, equals), word.substr(equals + 1)});
    }
  }
  return asked;
}

// Becomes this program anew with those variables where no device is usable without them. Before any thread.
inline void restart_as_devices_ask(char** argv) {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx512f")) return;  // what no other driver asks for yet
  const std::vector<PumiceDeviceInfo> devices = pumice::Instance().devices();
  const bool usable = std::any_of(devices.begin(), devices.end(), [](const PumiceDeviceInfo& d) { return d.usable; });
  bool changed = false;
  for (const EnvironmentVariable& asked : asked_environment(devices)) {
    if (usable || asked.value == variable(asked.name)) continue;
    set_variable(asked.name, asked.value);
    changed = true;
  }
  if (changed) restart_program(argv);
#else
  (void)argv;
#endif
}

}  // namespace pumice_apps
