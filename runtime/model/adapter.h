// Adapter: a LoRA adapter's file as llama.cpp writes it, checked against a model: W x becomes W x + scale alpha / rank
// B (A x) for the matrices that it names. Source: Hu et al. 2021 (LoRA).
//
// The file may be hostile: names, shapes, types and values are checked, so that whatever it says, rows of sequences
// that do without it stay what they are. Thread rule: immutable once made, so any number of threads may use it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "format/gguf.h"

namespace pumice {

// A matrix of a model as it lies on the device, to which adapters may add: rows of tensors, one after the other.
struct AdaptableMatrix {
  struct Part {
    std::string tensor;
    uint32_t first = 0, rows = 0;  // of the tensor's rows
  };
  std::vector<Part> parts;
  uint32_t cols = 0;
};

class Adapter {
 public:
  struct Tensor {
    std::string name;  // of the model's tensor, (rows, cols)
    uint32_t rows = 0, cols = 0, rank = 0;
    float gain = 1;  // alpha / rank
    TensorType a_type = TensorType::kF32, b_type = TensorType::kF32;
    std::vector<std::byte> a, b;  // (rank, cols), (rows, rank)
  };

  // kUnsupported: not a LoRA adapter, or one of something that cannot be adapted; kMalformed: it does not fit the model
  // or itself. matrices: those of the model.
  static Result<Adapter> read(const Gguf& file, const Gguf& model, std::span<const AdaptableMatrix> matrices);

  const std::string& name() const { return name_; }      // as the file says; may be empty
  const std::string& digest() const { return digest_; }  // of all that the file holds
  const Tensor* find(std::string_view tensor) const;
  std::span<const Tensor> tensors() const { return tensors_; }  // by name
  uint32_t most_rank() const;

 private:
  std::string name_, digest_;
  std::vector<Tensor> tensors_;
};

}  // namespace pumice
