// Tower: an image tower whose weights are on a device, ready to record steps.
#pragma once

#include <vector>

#include "kernels/kernels.h"
#include "model/decoder_weights.h"
#include "model/tower.h"

namespace pumice {

struct DeepStackWeights {
  NormWeights norm;  // (joined columns)
  Projection first, second;
};

struct TowerWeights {
  DecoderWeights layers;
  Projection patches;      // (width, patch_columns): a patch's values, then zeros
  vk::Buffer merged_norm;  // (width) or empty
  Projection standard;     // (width, width): the scales on its diagonal; or empty
  std::vector<Projection> projection;
  std::vector<DeepStackWeights> deep;
  // On the host, as they are added to patches or stand between rows: F32.
  std::vector<float> bias;       // (width) or empty
  std::vector<float> positions;  // (table_rows, width), kOfSides twice; or empty
  std::vector<float> class_row;  // (width) or empty
  std::vector<float> row_break;  // (text width) or empty
};

// Values of a patch in a row of activations, with zeros behind them.
inline uint32_t patch_columns(const TowerSpec& spec) { return row_stride(spec.patch_values()); }

// Immutable after loading; any number of threads may use it. The device outlives it.
class Tower {
 public:
  // As Model::load. text_width: of the language model's hidden state. kUnsupported: the projector fits another one.
  static Result<Tower> load(Kernels& kernels, const Gguf& file, uint32_t text_width, const LoadProgress& progress = {});

  const TowerSpec& spec() const { return spec_; }
  const TowerWeights& weights() const { return weights_; }
  Kernels& kernels() const { return *kernels_; }
  uint64_t device_bytes() const { return bytes_; }

 private:
  Kernels* kernels_ = nullptr;
  TowerSpec spec_;
  TowerWeights weights_;
  uint64_t bytes_ = 0;
};

// Without a device: every tensor that the spec computes with is there in its shape, and none is left.
Result<void> check_tower(const Gguf& file, const TowerSpec& spec);

}  // namespace pumice
