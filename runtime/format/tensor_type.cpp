#include "format/tensor_type.h"

#include <iterator>

namespace pumice {

const TensorTypeInfo* tensor_type_info(TensorType type) {
  const auto number = static_cast<uint32_t>(type);
  if (number >= std::size(kTensorTypes) || kTensorTypes[number].name == nullptr) return nullptr;
  return &kTensorTypes[number];
}

std::string tensor_type_name(TensorType type) {
  const TensorTypeInfo* info = tensor_type_info(type);
  return info ? info->name : "type " + std::to_string(static_cast<uint32_t>(type));
}

}  // namespace pumice
