// Ct2File: the table of a CTranslate2 "model.bin".
//
// Contract: the bytes may be hostile. Every count, length and product is proven consistent with the file's size before
// use; memory is bounded by a multiple of it. Names are unique; a variable's data lies within the file and has the
// bytes of its type and shape. Thread rule: immutable. Source: CTranslate2's model reader.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "convert/input.h"
#include "format/tensor_type.h"

namespace pumice {

struct Ct2Variable {
  TensorType type = TensorType::kF32;  // F32, F16, BF16, I8, I16, I32
  std::vector<uint64_t> shape;         // outermost first; empty: one value
  uint64_t offset = 0, bytes = 0;      // in the file

  uint64_t values() const;
};

class Ct2File {
 public:
  static Result<Ct2File> read(std::shared_ptr<const Input> input);

  const std::string& spec() const { return spec_; }  // "TransformerSpec"; empty in the first version of the format
  const std::map<std::string, Ct2Variable, std::less<>>& variables() const { return variables_; }
  const Ct2Variable* find(std::string_view name) const;  // nullptr: none
  const std::shared_ptr<const Input>& input() const { return input_; }

  // Of few; integers as they are.
  Result<std::vector<float>> values(const Ct2Variable& variable) const;

 private:
  std::shared_ptr<const Input> input_;
  std::string spec_;
  std::map<std::string, Ct2Variable, std::less<>> variables_;
};

}  // namespace pumice
