#include "convert/plan.h"

namespace pumice {

uint64_t PlannedTensor::values() const {
  uint64_t product = 1;
  for (const uint64_t size : sizes) product *= size;
  return product;
}

static uint64_t bytes_of(uint64_t values, TensorType type) {
  const TensorTypeInfo& info = listed_type(type);
  return values / info.block_values * info.block_bytes;
}

uint64_t PlannedTensor::source_bytes() const { return bytes_of(values(), source.type); }
uint64_t PlannedTensor::bytes() const { return bytes_of(values(), type); }

TensorSource file_source(std::shared_ptr<const Input> input, TensorType type, uint64_t offset) {
  return {.type = type, .read = [input = std::move(input), offset](uint64_t at, std::span<std::byte> to) {
            return input->read(offset + at, to);
          }};
}

TensorSource values_source(std::vector<float> values) {
  return {.type = TensorType::kF32,
          .read = [values = std::move(values)](uint64_t at, std::span<std::byte> to) -> Result<void> {
            const auto bytes = std::as_bytes(std::span(values));
            PUMICE_CHECK(at <= bytes.size() && to.size() <= bytes.size() - at);
            std::memcpy(to.data(), bytes.data() + at, to.size());
            return {};
          }};
}

}  // namespace pumice
