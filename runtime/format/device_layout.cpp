#include "format/device_layout.h"

namespace pumice {
namespace {

const WeightTypeInfo& layout_of(WeightType type) {
  const auto number = static_cast<uint32_t>(type);
  PUMICE_CHECK(number < kWeightTypes);
  return kWeightLayouts[number];
}

}  // namespace

const char* weight_type_name(WeightType type) { return listed_type(layout_of(type).type).name; }

std::optional<WeightType> weight_type_for(TensorType type) {
  const TensorTypeInfo* info = tensor_type_info(type);
  return info ? info->device : std::nullopt;
}

Result<DeviceLayout> device_layout(WeightType type, uint64_t rows, uint64_t cols) {
  constexpr uint64_t kMaxCols = uint64_t{1} << 26;  // keeps words of a row within 32 bits
  constexpr uint64_t kMaxRows = uint64_t{1} << 34;  // keeps words of a plane within 64 bits
  const WeightTypeInfo& words = layout_of(type);
  const TensorTypeInfo& values = listed_type(words.type);
  if (rows < 1 || rows > kMaxRows || cols < 1 || cols >= kMaxCols)
    return error(Status::kUnsupported, "a matrix of %llu rows of %llu values is too large or empty",
                 static_cast<unsigned long long>(rows), static_cast<unsigned long long>(cols));
  if (cols % values.block_values != 0)
    return error(Status::kInvalidArgument, "rows of %llu values are not a multiple of the %u of a block of %s",
                 static_cast<unsigned long long>(cols), values.block_values, values.name);
  DeviceLayout layout{.weight_type = type, .rows = rows, .cols = cols, .quant_words = words.quant_words};
  layout.units = static_cast<uint32_t>((cols + kUnitValues - 1) / kUnitValues);
  layout.quant_words_per_row = layout.units * words.quant_words;
  layout.scale_words_per_row = (layout.units + words.scale_units - 1) / words.scale_units * words.scale_words;
  return layout;
}

Result<DeviceLayout> device_layout_for(const GgufTensor& tensor) {
  const std::optional<WeightType> type = weight_type_for(tensor.type);
  if (!type)
    return error(Status::kUnsupported, "tensor %s is of type %s, which has no kernels; quantise to another type",
                 quote(tensor.name).c_str(), tensor_type_name(tensor.type).c_str());
  Result<DeviceLayout> layout = device_layout(*type, tensor.rows(), tensor.cols());
  if (!layout)
    return error(layout.error().status, "tensor %s: %s", quote(tensor.name).c_str(), layout.error().message.c_str());
  return layout;
}

}  // namespace pumice
