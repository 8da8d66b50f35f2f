// Architecture: what differs between model families, as three functions over shared blocks (model/step.h).
#pragma once

#include <string_view>

#include "model/step.h"

namespace pumice {

struct Architecture {
  const char* name;  // general.architecture
  Result<ModelConfig> (*read_config)(const Gguf& file);
  Result<DecoderWeights> (*bind_weights)(const ModelConfig& config, WeightReader& reader);
  void (*record_step)(Recorder recorder, const StepContext& context);
};

// nullptr: unknown.
const Architecture* find_architecture(std::string_view name);

extern const Architecture kLlamaArchitecture;

}  // namespace pumice
