#include "adapters.h"

#include <fmt/format.h>

#include <cmath>

#include "output.h"

namespace pumice_cli {

namespace {

// "FILE=0.5"; a name in which no number follows the last '=' is a name.
ScaledFile parse(const std::string& given) {
  const std::size_t equals = given.rfind('=');
  float scale = 1;
  if (equals == std::string::npos || !CLI::detail::lexical_cast(given.substr(equals + 1), scale) ||
      !std::isfinite(scale))
    return {given};
  return {given.substr(0, equals), scale};
}

}  // namespace

void add_adapter_flag(CLI::App* app, AdapterFlags* flags) {
  app->add_option("--lora", flags->given,
                  "a LoRA adapter as a GGUF file, and how much of it is taken (default: 1); several times for several")
      ->check([](const std::string& given) {
        return parse(given).path.empty() ? std::string("the name is empty") : std::string();
      })
      ->type_name("FILE[=SCALE]")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

std::vector<ScaledFile> files_of(const AdapterFlags& flags) {
  std::vector<ScaledFile> files;
  for (const std::string& given : flags.given) files.push_back(parse(given));
  return files;
}

pumice::Adapter load_adapter(const pumice::Model& model, const std::string& path) {
  try {
    return pumice::Adapter(model, path);
  } catch (const pumice::Error& error) {
    throw Failure(exit_code_of(error.code()), fmt::format("{}: {}", printable(path), error.what()));
  }
}

Adapters::Adapters(const pumice::Model& model, const AdapterFlags& flags) {
  for (const ScaledFile& file : files_of(flags)) {
    handles_.push_back(adapters_.emplace_back(load_adapter(model, file.path)).get());
    scales_.push_back(file.scale);
  }
}

void Adapters::add_to(PumiceContextOptions* options) const {
  options->adapters = handles_.data();
  options->adapter_count = handles_.size();
}

}  // namespace pumice_cli
