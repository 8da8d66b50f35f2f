// AdapterStack: the adapters of a context on its device, and the scales that its sequences give them.
//
// For each matrix that any of them adapts, their A lie one below the other in one matrix and their B side by side in
// another, so that a step takes two products and a scaling (kernels/lora.h), whatever adapters its rows have.
// Thread rule: that of its context.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "kernels/weights.h"
#include "model/adapter.h"

namespace pumice {

struct AdaptedMatrix {
  WeightMatrix a, b;   // (rank, cols), (rows, rank): rank is the sum of all, rounded up to whole groups of rows
  vk::Buffer columns;  // (rank) LoraColumn
};

struct AdapterStackShape {
  uint32_t rows = 1;   // most tokens of a step
  uint32_t slots = 1;  // of sequences
};

class AdapterStack {
 public:
  // matrices: of the adapters' model, by AdaptableMatrix's place among which find() goes.
  static Result<AdapterStack> create(vk::Device& device, std::span<const AdaptableMatrix> matrices,
                                     std::span<const Adapter* const> adapters, const AdapterStackShape& shape);
  // What it would take.
  static Result<uint64_t> bytes(std::span<const AdaptableMatrix> matrices, std::span<const Adapter* const> adapters,
                                const AdapterStackShape& shape);

  const AdaptedMatrix* find(uint32_t matrix) const {  // null: no adapter is for it
    const auto found = matrices_.find(matrix);
    return found == matrices_.end() ? nullptr : &found->second;
  }
  std::vector<uint32_t> adapted() const;  // the matrices that find() finds
  uint32_t adapters() const { return adapters_; }
  const vk::Buffer& products() const { return products_; }  // (rows, most rank)
  const vk::Buffer& scales() const { return scales_; }      // (slots, adapters) floats
  // A host view; nothing in flight looks at the slot.
  std::span<float> scales(uint32_t slot) { return {scales_.mapped_as<float>() + size_t{slot} * adapters_, adapters_}; }
  uint64_t device_bytes() const { return bytes_; }

 private:
  std::map<uint32_t, AdaptedMatrix> matrices_;
  vk::Buffer products_, scales_;
  uint32_t adapters_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace pumice
