#include "model/decoder_weights.h"

#include <array>
#include <utility>

#include "format/dequantize.h"
#include "model/inert.h"

namespace pumice {

uint64_t DecoderWeights::bytes() const {
  const auto bytes_of = [](const Projection& part) { return part.w.bytes() + (part.bias ? part.bias->size() : 0); };
  uint64_t total = embedding.bytes() + output_norm.size() + rope_frequencies.size() + bytes_of(head);
  for (const LayerWeights& layer : layers) {
    total += layer.attention_norm.size() + layer.ffn_norm.size();
    for (const Projection& part : layer.qkv) total += bytes_of(part);
    for (const Projection* part : {&layer.output, &layer.gate, &layer.up, &layer.down}) total += bytes_of(*part);
  }
  return total;
}

Result<const GgufTensor*> WeightReader::tensor(const std::string& name, uint64_t rows, uint64_t cols) {
  const GgufTensor* found = file_.find_tensor(name);
  if (!found) return error(Status::kMalformed, "the model file has no tensor %s", name.c_str());
  if (found->dims != std::array<uint64_t, 4>{cols, rows, 1, 1})
    return error(Status::kMalformed, "tensor %s is %s, (%llu, %llu) is expected", name.c_str(),
                 render_shape(*found).c_str(), static_cast<unsigned long long>(cols),
                 static_cast<unsigned long long>(rows));
  used_.insert(found);
  return found;
}

Result<void> WeightReader::check_rest() const {
  for (const GgufTensor& tensor : file_.tensors())
    if (!used_.contains(&tensor) && !is_inert_tensor(tensor.name))
      return error(
          Status::kUnsupported,
          "tensor %s is not one that this architecture computes with; without it the model would answer wrongly",
          quote(tensor.name).c_str());
  return {};
}

Result<vk::Buffer> WeightReader::floats(std::span<const float> values) {
  bytes_ += values.size_bytes();
  return uploader_ ? uploader_->upload_bytes(std::as_bytes(values)) : Result<vk::Buffer>(vk::Buffer());
}

Result<vk::Buffer> WeightReader::vector(const std::string& name, uint64_t length) {
  PUMICE_ASSIGN(const GgufTensor* source, tensor(name, 1, length));
  PUMICE_ASSIGN(const std::vector<float> values, fetch_values(file_, *source));
  return floats(values);
}

// NVFP4's second scale is a tensor of its own, which a matrix without one does not need.
Result<const GgufTensor*> WeightReader::with_scale(const GgufTensor& matrix) {
  constexpr std::string_view kSuffix = ".weight";
  if (matrix.type != TensorType::kNVFP4 || !matrix.name.ends_with(kSuffix)) return &matrix;
  const std::string name = std::string(matrix.name.substr(0, matrix.name.size() - kSuffix.size())) + ".scale";
  if (!has(name)) return &matrix;
  PUMICE_ASSIGN(const GgufTensor* source, tensor(name, 1, 1));
  PUMICE_ASSIGN(const std::vector<float> values, fetch_values(file_, *source));
  scaled_.push_back(matrix);
  scaled_.back().scale = values[0];
  return &scaled_.back();
}

Result<WeightMatrix> WeightReader::matrix(std::span<const GgufTensor* const> parts) {
  std::vector<const GgufTensor*> sources;
  for (const GgufTensor* part : parts) {
    PUMICE_ASSIGN(const DeviceLayout layout, device_layout_for(*part));
    bytes_ += layout.total_bytes();
    PUMICE_ASSIGN(const GgufTensor* source, with_scale(*part));
    sources.push_back(source);
  }
  return uploader_ ? uploader_->upload_matrix(sources) : Result<WeightMatrix>(WeightMatrix());
}

Result<WeightMatrix> WeightReader::matrix(const std::string& name, uint64_t rows, uint64_t cols) {
  PUMICE_ASSIGN(const GgufTensor* part, tensor(name, rows, cols));
  return matrix({&part, 1});
}

Result<Projection> WeightReader::projection(const std::string& name, uint64_t rows, uint64_t cols) {
  PUMICE_ASSIGN(std::vector<Projection> one, stacked({&name, 1}, {&rows, 1}, cols));
  return std::move(one[0]);
}

Result<std::optional<vk::Buffer>> WeightReader::stacked_bias(std::span<const std::string> names,
                                                             std::span<const uint64_t> rows) {
  std::vector<float> values;
  bool any = false;
  for (size_t i = 0; i < names.size(); ++i) {
    std::vector<float> part(rows[i], 0.0f);
    if (has(names[i] + ".bias")) {
      PUMICE_ASSIGN(const GgufTensor* source, tensor(names[i] + ".bias", 1, rows[i]));
      PUMICE_ASSIGN(part, fetch_values(file_, *source));
      any = true;
    }
    values.insert(values.end(), part.begin(), part.end());
  }
  if (!any) return std::optional<vk::Buffer>();
  PUMICE_ASSIGN(vk::Buffer buffer, floats(values));
  return std::optional<vk::Buffer>(std::move(buffer));
}

Result<std::vector<Projection>> WeightReader::stacked(std::span<const std::string> names,
                                                      std::span<const uint64_t> rows, uint64_t cols) {
  std::vector<const GgufTensor*> tensors;
  for (size_t i = 0; i < names.size(); ++i) {
    PUMICE_ASSIGN(const GgufTensor* part, tensor(names[i] + ".weight", rows[i], cols));
    tensors.push_back(part);
  }
  std::vector<Projection> projections;
  uint64_t y_offset = 0;
  for (size_t first = 0; first < names.size();) {
    size_t end = first + 1;
    uint64_t height = rows[first];
    while (end < names.size() && tensors[end]->type == tensors[first]->type && rows[end - 1] % kRowInterleave == 0)
      height += rows[end++];
    Projection projection;
    projection.y_offset = static_cast<uint32_t>(y_offset);
    PUMICE_ASSIGN(projection.w, matrix(std::span(tensors).subspan(first, end - first)));
    PUMICE_ASSIGN(projection.bias, stacked_bias(names.subspan(first, end - first), rows.subspan(first, end - first)));
    projections.push_back(std::move(projection));
    y_offset += height;
    first = end;
  }
  return projections;
}

}  // namespace pumice
