#include "format/device_layout.h"

#include "format/dequantize.h"

namespace pumice {
namespace {

struct WeightTraits {
  const char* name;
  uint32_t quant_words;  // of a unit
  uint32_t scale_words;  // of scale_units units
  uint32_t scale_units;
  uint32_t block_values;  // rows are multiples of it
};

const WeightTraits& weight_traits(WeightType type) {
  // By number, as quant_blocks.h describes them.
  static constexpr WeightTraits kTraits[kWeightTypes] = {
      {"F32", 32, 0, 1, 1},   {"F16", 16, 0, 1, 1},   {"BF16", 16, 0, 1, 1},  {"Q8_0", 8, 1, 2, 32},
      {"Q4_0", 4, 1, 2, 32},  {"Q4_1", 4, 1, 1, 32},  {"Q5_0", 5, 1, 2, 32},  {"Q5_1", 5, 1, 1, 32},
      {"Q4_K", 4, 4, 8, 256}, {"Q5_K", 5, 4, 8, 256}, {"Q6_K", 6, 5, 8, 256},
  };
  const auto number = static_cast<uint32_t>(type);
  PUMICE_CHECK(number < kWeightTypes);
  return kTraits[number];
}

}  // namespace

const char* weight_type_name(WeightType type) { return weight_traits(type).name; }

std::optional<WeightType> weight_type_for(TensorType type) {
  switch (type) {
    case TensorType::kF32:
      return WeightType::kF32;
    case TensorType::kF16:
      return WeightType::kF16;
    case TensorType::kBF16:
      return WeightType::kBF16;
    case TensorType::kQ8_0:
      return WeightType::kQ8_0;
    case TensorType::kQ4_0:
      return WeightType::kQ4_0;
    case TensorType::kQ4_1:
      return WeightType::kQ4_1;
    case TensorType::kQ5_0:
      return WeightType::kQ5_0;
    case TensorType::kQ5_1:
      return WeightType::kQ5_1;
    case TensorType::kQ4_K:
      return WeightType::kQ4_K;
    case TensorType::kQ5_K:
      return WeightType::kQ5_K;
    case TensorType::kQ6_K:
      return WeightType::kQ6_K;
    default:
      break;
  }
  if (can_dequantize(type)) return WeightType::kF16;
  return std::nullopt;
}

bool is_converted_at_load(TensorType type) {
  return weight_type_for(type) == WeightType::kF16 && type != TensorType::kF16;
}

Result<DeviceLayout> device_layout(WeightType type, uint64_t rows, uint64_t cols) {
  constexpr uint64_t kMaxCols = uint64_t{1} << 26;  // keeps words of a row within 32 bits
  constexpr uint64_t kMaxRows = uint64_t{1} << 34;  // keeps words of a plane within 64 bits
  const WeightTraits& traits = weight_traits(type);
  if (rows < 1 || rows > kMaxRows || cols < 1 || cols >= kMaxCols)
    return error(Status::kUnsupported, "a matrix of %llu rows of %llu values is too large or empty",
                 static_cast<unsigned long long>(rows), static_cast<unsigned long long>(cols));
  if (cols % traits.block_values != 0)
    return error(Status::kInvalidArgument, "rows of %llu values are not a multiple of the %u of a block of %s",
                 static_cast<unsigned long long>(cols), traits.block_values, traits.name);
  DeviceLayout layout{.weight_type = type, .rows = rows, .cols = cols, .quant_words = traits.quant_words};
  layout.units = static_cast<uint32_t>((cols + kUnitValues - 1) / kUnitValues);
  layout.quant_words_per_row = layout.units * traits.quant_words;
  layout.scale_words_per_row = (layout.units + traits.scale_units - 1) / traits.scale_units * traits.scale_words;
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
