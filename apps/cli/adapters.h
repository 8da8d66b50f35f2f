// Adapters on the command line: --lora FILE[=SCALE].
#pragma once

#include <CLI/CLI.hpp>
#include <deque>
#include <string>
#include <vector>

#include "pumice/pumice.hpp"

namespace pumice_cli {

struct AdapterFlags {
  std::vector<std::string> given;  // as on the command line
};
struct ScaledFile {
  std::string path;
  float scale = 1;
};
std::vector<ScaledFile> files_of(const AdapterFlags& flags);
// Throws Failure, which names the file.
pumice::Adapter load_adapter(const pumice::Model& model, const std::string& path);
void add_adapter_flag(CLI::App* app, AdapterFlags* flags);

// The files that the flags name, loaded, and how much of each a text takes.
class Adapters {
 public:
  // Throws Failure or pumice::Error.
  Adapters(const pumice::Model& model, const AdapterFlags& flags);
  // Of a context to come; this outlives its making.
  void add_to(PumiceContextOptions* options) const;
  void choose(pumice::Sequence& sequence) const { sequence.set_adapters(scales_); }

 private:
  std::deque<pumice::Adapter> adapters_;
  std::vector<const PumiceAdapter*> handles_;
  std::vector<float> scales_;
};

}  // namespace pumice_cli
