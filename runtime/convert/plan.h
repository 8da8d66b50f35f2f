// What a model file is to become: its head and its tensors, each with where its values come from.
//
// Nothing here holds weights: they are read, converted and written piece by piece (write.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "convert/input.h"
#include "convert/metadata.h"
#include "format/tensor_type.h"

namespace pumice {

// The type of most matrices of a file; others follow from it (types.h).
enum class ConvertType : uint32_t { kF16 = 0, kF32 = 1, kQ8_0 = 2, kQ4_0 = 3, kQ4_K = 4 };

// Where the values of a tensor come from. Its bytes are blocks of `type`, one behind the other, with no gaps.
struct TensorSource {
  TensorType type = TensorType::kF32;
  // Bytes from `offset` on of the tensor's; any thread.
  std::function<Result<void>(uint64_t offset, std::span<std::byte> to)> read;
  // Integers: a value is its number divided by its row's, or by the only one.
  std::vector<float> divisors;
  // Changes values[0], which is the tensor's value number `first`, and those behind it; empty: nothing to change.
  std::function<void(uint64_t first, std::span<float> values)> adjust;
};

struct PlannedTensor {
  std::string name;
  std::vector<uint64_t> sizes;  // innermost first; 1 to 4
  TensorSource source;
  TensorType type = TensorType::kF32;  // that it will have

  uint64_t values() const;
  uint64_t source_bytes() const;
  uint64_t bytes() const;
};

struct ConvertPlan {
  GgufMetadata metadata;                // without general.file_type and general.quantization_version
  uint64_t alignment = 32;              // of tensors in the file
  std::vector<std::byte> whisper_head;  // not empty: a file of whisper.cpp, and no GGUF
  std::string kind;                     // for messages: "bert", "Whisper"
  std::vector<PlannedTensor> tensors;
};

// The tensor's bytes lie in `input` from `offset` on.
TensorSource file_source(std::shared_ptr<const Input> input, TensorType type, uint64_t offset);
TensorSource values_source(std::vector<float> values);

}  // namespace pumice
