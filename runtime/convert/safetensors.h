// Safetensors: the table of a ".safetensors" file of Hugging Face.
//
// Contract: the bytes may be hostile. The header's length and every offset and product are proven consistent with the
// file's size before use; memory is bounded by a multiple of the header's size, which has a limit. An accepted file's
// tensors fill its data without gaps or overlap, and have the bytes of their type and shape. Thread rule: immutable.
// Source: the format's description in the safetensors project.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "convert/input.h"
#include "format/tensor_type.h"

namespace pumice {

struct SafeTensor {
  std::string name;
  std::string dtype;               // as the file says: "BF16"
  std::optional<TensorType> type;  // of what can be converted: F32, F16, BF16
  std::vector<uint64_t> shape;     // outermost first
  uint64_t offset = 0, bytes = 0;  // in the file
};

class Safetensors {
 public:
  // Status::kMalformed, or kUnsupported for a dtype that is not known.
  static Result<Safetensors> read(std::shared_ptr<const Input> input);

  const std::vector<SafeTensor>& tensors() const { return tensors_; }  // by name
  const SafeTensor* find(std::string_view name) const;                 // nullptr: none
  const std::shared_ptr<const Input>& input() const { return input_; }

 private:
  std::shared_ptr<const Input> input_;
  std::vector<SafeTensor> tensors_;
};

}  // namespace pumice
