// WeightMatrix: a weight matrix on the device, in the layout of shaders/shared/quant_blocks.h.
#pragma once

#include <vector>

#include "kernels/kernels.h"
#include "shared/quant_blocks.h"

namespace pumice {

// A run of rows with planes of its own, no larger than one binding may be.
struct WeightSlab {
  vk::Buffer buffer;
  uint32_t first_row = 0, rows = 0;
  uint32_t scale_offset = 0;  // words; the quant plane begins at 0
};

struct WeightMatrix {
  uint32_t type = kWeightF32;  // kWeight… of quant_blocks.h
  uint32_t rows = 0, cols = 0;
  uint32_t units = 0;  // of kUnitValues values a row
  std::vector<WeightSlab> slabs;

  uint64_t bytes() const;
  explicit operator bool() const { return !slabs.empty(); }
};

// The lower-case name of a weight type in a variant's name: "q4_k".
const char* weight_variant(uint32_t type);

}  // namespace pumice
