// Model: a decoder whose weights are on a device, ready to record steps.
#pragma once

#include <memory>
#include <string>

#include "model/architecture.h"

namespace pumice {

// Immutable after loading; any number of threads may use it. The device outlives it.
class Model {
 public:
  // Uploads everything; `file` is needed for the call only. Device memory is taken before the first weight is read, so
  // too little of it is known at once; whatever fails, nothing is left behind.
  static Result<Model> load(Kernels& kernels, const Gguf& file, const LoadProgress& progress);

  const ModelConfig& config() const { return config_; }
  const DecoderWeights& weights() const { return weights_; }
  Kernels& kernels() const { return *kernels_; }
  uint64_t device_bytes() const { return weights_.bytes(); }
  void record_step(Recorder recorder, const StepContext& context) const {
    architecture_->record_step(recorder, context);
  }

 private:
  const Architecture* architecture_ = nullptr;
  Kernels* kernels_ = nullptr;
  ModelConfig config_;
  DecoderWeights weights_;
};

// The checked configuration of a file; errors for unknown architectures.
Result<ModelConfig> read_config(const Gguf& file);

// Device bytes that the weights will take, exactly, without what the allocator rounds up to. While they are loaded,
// staging takes up to kUploadHostBytes more, of host memory. Fails as Model::load would for what the file says.
Result<uint64_t> estimate_weight_bytes(const Gguf& file);

}  // namespace pumice
