// Model: a decoder whose weights are on a device, ready to record steps.
#pragma once

#include <memory>
#include <string>

#include "model/host_layers.h"
#include "model/step.h"

namespace pumice {

// Immutable after loading; any number of threads may use it. The device outlives it.
class Model {
 public:
  // Uploads everything; `file` is needed for the call only. Device memory is taken before the first weight is read, so
  // too little of it is known at once; whatever fails, nothing is left behind.
  static Result<Model> load(Kernels& kernels, const Gguf& file, const LoadProgress& progress, HostLayers host = {});

  const ModelSpec& spec() const { return spec_; }
  const DecoderWeights& weights() const { return weights_; }
  Kernels& kernels() const { return *kernels_; }
  uint64_t device_bytes() const { return bytes_.device; }
  uint64_t host_bytes() const { return bytes_.host; }  // of weights that stay in the host's memory
  uint32_t host_layers() const { return host_layers_; }
  // By Projection::adaptable.
  std::span<const AdaptableMatrix> adaptable() const { return adaptable_; }

 private:
  Kernels* kernels_ = nullptr;
  ModelSpec spec_;
  DecoderWeights weights_;
  std::vector<AdaptableMatrix> adaptable_;
  WeightBytes bytes_;
  uint32_t host_layers_ = 0;
};

// What the file's family says that it computes, checked; errors for unknown families.
Result<ModelSpec> describe(const Gguf& file);

// Those that a Model of the file would have.
Result<std::vector<AdaptableMatrix>> adaptable_matrices(const Gguf& file);

// Device bytes that the weights will take with no layer on the host. While they are loaded, staging takes up to
// kUploadHostBytes more, of host memory. Fails as Model::load would for what the file says.
Result<uint64_t> estimate_weight_bytes(const Gguf& file);

}  // namespace pumice
