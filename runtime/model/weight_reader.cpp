#include "model/weight_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "format/dequantize.h"
#include "format/half.h"
#include "model/inert.h"

namespace pumice {
namespace {

// As GGUF has it, the row length first.
std::string shape_text(uint64_t cols, uint64_t rows, uint64_t matrices) {
  return "(" + std::to_string(cols) + ", " + std::to_string(rows) +
         (matrices == 1 ? ")" : ", " + std::to_string(matrices) + ")");
}

}  // namespace

bool WeightReader::is_unused(std::string_view name) const {
  return std::any_of(unused_.begin(), unused_.end(), [&](const std::string& part) {
    return part.ends_with('.') ? name.starts_with(part) : name.ends_with(part);
  });
}

// Some families' files leave out the end of some names.
const GgufTensor* WeightReader::find(const std::string& name) const {
  if (is_unused(name)) return nullptr;
  const GgufTensor* found = file_.find_tensor(name);
  constexpr std::string_view kEnd = ".weight";
  return found || !name.ends_with(kEnd) ? found : file_.find_tensor(name.substr(0, name.size() - kEnd.size()));
}

Result<const GgufTensor*> WeightReader::tensor(const std::string& name, uint64_t rows, uint64_t cols,
                                               uint64_t matrices) {
  if (invented_) return &invent(name, {cols, rows, matrices, 1});
  const GgufTensor* found = find(name);
  if (!found) return error(Status::kMalformed, "the model file has no tensor %s", name.c_str());
  if (found->dims != std::array<uint64_t, 4>{cols, rows, matrices, 1})
    return error(Status::kMalformed, "tensor %s is %s, %s is expected", name.c_str(), render_shape(*found).c_str(),
                 shape_text(cols, rows, matrices).c_str());
  used_.insert(found);
  return found;
}

WeightReader WeightReader::inventing(TensorType type) {
  static const Gguf nothing = Gguf::empty();
  WeightReader reader(nothing);
  reader.invented_ = type;
  return reader;
}

// Tensors in which files have several that others have apart.
bool WeightReader::is_joined(std::string_view name) {
  return name.ends_with("_qkv") || name.ends_with("_gate_up_exps") || name.ends_with("exp_probs_b");
}

// As in files, routers are F32, and so are matrices whose rows are no whole blocks.
const GgufTensor& WeightReader::invent(const std::string& name, const std::array<uint64_t, 4>& dims) {
  const bool floats =
      dims[1] == 1 || name.ends_with("_inp.weight") || dims[0] % listed_type(*invented_).block_values != 0;
  return parts_.emplace_back(GgufTensor{.dims = dims, .type = floats ? TensorType::kF32 : *invented_});
}

Result<void> WeightReader::check_rest() const {
  for (const GgufTensor& tensor : file_.tensors())
    if (!used_.contains(&tensor) && !is_inert_tensor(tensor.name) && !is_unused(tensor.name))
      return error(
          Status::kUnsupported,
          "tensor %s is not one that this architecture computes with; without it the model would answer wrongly",
          quote(tensor.name).c_str());
  return {};
}

Result<vk::Buffer> WeightReader::upload(std::span<const std::byte> bytes) {
  bytes_ += bytes.size();
  return uploader_ && !bytes.empty() ? uploader_->upload_bytes(bytes) : Result<vk::Buffer>(vk::Buffer());
}

Result<vk::Buffer> WeightReader::words(std::span<const uint32_t> words) { return upload(std::as_bytes(words)); }
Result<vk::Buffer> WeightReader::floats(std::span<const float> values) { return upload(std::as_bytes(values)); }

Result<vk::Buffer> WeightReader::vector(const std::string& name, uint64_t length, float factor, uint64_t row) {
  if (name.empty()) return vk::Buffer();
  if (row == 0) row = length;
  // A converter leaves the end of a name away.
  const bool bare = !find(name + ".weight") && find(name);
  return scaled(bare ? name : name + ".weight", length / row, row, factor);
}

Result<vk::Buffer> WeightReader::scaled(const std::string& name, uint64_t rows, uint64_t cols, float factor) {
  PUMICE_ASSIGN(std::vector<float> all, values(name, rows, cols));
  for (float& value : all) value *= factor;
  return floats(all);
}

Result<float> WeightReader::scalar(const std::string& name) {
  PUMICE_ASSIGN(const std::vector<float> one, values(name + ".weight", 1, 1));
  return one[0];
}

Result<vk::Buffer> WeightReader::constant(uint64_t length, float value) {
  return floats(std::vector<float>(length, value));
}

Result<vk::Buffer> WeightReader::product(const std::string& name, const std::string& other, uint64_t length) {
  PUMICE_ASSIGN(std::vector<float> products, values(name + ".weight", 1, length));
  PUMICE_ASSIGN(const std::vector<float> factors, values(other + ".weight", 1, length));
  for (size_t i = 0; i < products.size(); ++i) products[i] *= factors[i];
  return floats(products);
}

// NVFP4's second scale is a tensor of its own, which a matrix without one does not need.
Result<const GgufTensor*> WeightReader::with_scale(const GgufTensor& matrix) {
  constexpr std::string_view kSuffix = ".weight";
  if (matrix.type != TensorType::kNVFP4 || !matrix.name.ends_with(kSuffix)) return &matrix;
  const std::string name = std::string(matrix.name.substr(0, matrix.name.size() - kSuffix.size())) + ".scale";
  if (!find(name)) return &matrix;
  PUMICE_ASSIGN(const GgufTensor* source, tensor(name, 1, 1));
  PUMICE_ASSIGN(const std::vector<float> values, fetch_values(file_, *source));
  GgufTensor& scaled = parts_.emplace_back(matrix);
  scaled.scale = values[0];
  return &scaled;
}

Result<WeightMatrix> WeightReader::upload(std::span<const GgufTensor* const> parts, uint64_t unit) {
  std::vector<const GgufTensor*> sources;
  for (const GgufTensor* part : parts) {
    PUMICE_ASSIGN(const DeviceLayout layout, device_layout_for(*part));
    (on_host_ ? host_bytes_ : bytes_) += layout.total_bytes();
    PUMICE_ASSIGN(const GgufTensor* source, with_scale(*part));
    sources.push_back(source);
  }
  const vk::MemoryIntent memory = on_host_ ? vk::MemoryIntent::kHostWeights : vk::MemoryIntent::kWeights;
  if (uploader_) return uploader_->upload_matrix(sources, unit, memory);
  if (!invented_) return WeightMatrix();
  PUMICE_ASSIGN(const DeviceLayout first, device_layout_for(*parts[0]));
  WeightMatrix matrix{.type = static_cast<uint32_t>(first.weight_type),
                      .cols = static_cast<uint32_t>(first.cols),
                      .units = first.units};
  for (const GgufTensor* part : parts) matrix.rows += static_cast<uint32_t>(part->rows());
  matrix.slabs.push_back({.buffer = {}, .rows = matrix.rows});
  return matrix;
}

Result<NormWeights> WeightReader::norm(const std::string& name, uint64_t length, bool biased, float factor) {
  NormWeights norm;
  PUMICE_ASSIGN(norm.weight, vector(name, length, factor));
  norm.biased = biased && !name.empty() && has_bias(name);
  if (norm.biased) {
    PUMICE_ASSIGN(norm.bias, bias(name, length, factor));
  }
  return norm;
}

Result<vk::Buffer> WeightReader::bias(const std::string& name, uint64_t length, float factor) {
  return scaled(name + ".bias", 1, length, factor);
}

Result<vk::Buffer> WeightReader::scales(const std::string& name, uint64_t length, float factor) {
  return scaled(name + ".scale", 1, length, factor);
}

Result<void> WeightReader::check_experts(const std::string& name, uint64_t rows) const {
  if (rows % kRowInterleave == 0) return {};
  return error(Status::kUnsupported, "tensor %s.weight has experts of %llu rows; only multiples of %u are supported",
               name.c_str(), static_cast<unsigned long long>(rows), kRowInterleave);
}

Result<Projection> WeightReader::experts(const std::string& name, uint64_t experts, uint64_t rows, uint64_t cols) {
  PUMICE_ASSIGN(const GgufTensor* whole, tensor(name + ".weight", rows, cols, experts));
  PUMICE_TRY(check_experts(name, rows));
  Projection projection;
  PUMICE_ASSIGN(projection.w, upload({&whole, 1}, rows));
  if (has_bias(name)) {
    PUMICE_ASSIGN(const GgufTensor* source, tensor(name + ".bias", experts, rows));
    PUMICE_ASSIGN(const std::vector<float> values, fetch_values(file_, *source));
    PUMICE_ASSIGN(projection.bias, floats(values));
  }
  return projection;
}

std::vector<const GgufTensor*> WeightReader::halves_of_blocks(const GgufTensor& whole, uint64_t blocks, size_t half,
                                                              uint64_t rows) {
  const size_t bytes = whole.data.size() / (2 * blocks);
  std::vector<const GgufTensor*> halves;
  for (size_t block = 0; block < blocks; ++block) {
    GgufTensor& part = parts_.emplace_back(whole);
    part.dims = {whole.dims[0], rows, 1, 1};
    part.data = whole.data.subspan((2 * block + half) * bytes, bytes);
    halves.push_back(&part);
  }
  return halves;
}

const GgufTensor* WeightReader::gathered(std::span<const GgufTensor* const> pieces) {
  std::vector<std::byte>& bytes = copies_.emplace_back();
  GgufTensor& all = parts_.emplace_back(*pieces[0]);
  all.dims[1] *= pieces.size();
  for (const GgufTensor* piece : pieces) bytes.insert(bytes.end(), piece->data.begin(), piece->data.end());
  all.data = bytes;
  return &all;
}

Result<std::array<Projection, 2>> WeightReader::expert_halves(const std::string& name, uint64_t experts, uint64_t rows,
                                                              uint64_t cols) {
  PUMICE_ASSIGN(const GgufTensor* whole, tensor(name + ".weight", 2 * rows, cols, experts));
  PUMICE_TRY(check_experts(name, rows));
  std::array<Projection, 2> both;
  for (size_t half = 0; half < 2; ++half) {
    PUMICE_ASSIGN(both[half].w, upload(halves_of_blocks(*whole, experts, half, rows), rows));
  }
  return both;
}

const GgufTensor* WeightReader::made(const GgufTensor& like, const std::array<uint64_t, 4>& dims,
                                     std::span<const float> values) {
  GgufTensor& tensor = parts_.emplace_back(like);
  tensor.dims = dims;
  std::vector<std::byte>& bytes = copies_.emplace_back();
  if (like.type == TensorType::kF32) {
    bytes.resize(values.size_bytes());
    std::memcpy(bytes.data(), values.data(), bytes.size());
  } else {
    std::vector<uint16_t> halves;
    for (const float value : values) halves.push_back(float_to_half(value));
    tensor.type = TensorType::kF16;
    bytes.resize(halves.size() * sizeof(uint16_t));
    std::memcpy(bytes.data(), halves.data(), bytes.size());
  }
  tensor.data = bytes;
  return &tensor;
}

// Turned around they cannot keep blocks, which lie along a row.
Result<std::array<Projection, 2>> WeightReader::latent_heads(const std::string& name, uint64_t heads, uint64_t plain,
                                                             uint64_t value, uint64_t rank, uint64_t empty_cols) {
  PUMICE_ASSIGN(const GgufTensor* whole, tensor(name + ".weight", heads * (plain + value), rank));
  PUMICE_TRY(check_experts(name, rank));
  PUMICE_TRY(check_experts(name, value));
  PUMICE_ASSIGN(const std::vector<float> all, fetch_values(file_, *whole));
  const uint64_t cols = plain ? plain : empty_cols;
  std::vector<float> turned;
  for (uint64_t head = 0; head < heads; ++head)
    for (uint64_t row = 0; row < rank; ++row)
      for (uint64_t col = 0; col < cols; ++col)
        turned.push_back(plain ? all[(head * (plain + value) + col) * rank + row] : 0.0f);
  const GgufTensor* const keys = made(*whole, {cols, rank, heads, 1}, turned);
  std::vector<const GgufTensor*> pieces;
  for (uint64_t head = 0; head < heads; ++head) {
    GgufTensor& part = parts_.emplace_back(*whole);
    part.dims[1] = value;
    part.data = whole->data.subspan((head * (plain + value) + plain) * whole->row_bytes(), value * whole->row_bytes());
    pieces.push_back(&part);
  }
  std::array<Projection, 2> both;
  PUMICE_ASSIGN(both[0].w, upload({&keys, 1}, rank));
  PUMICE_ASSIGN(both[1].w, upload(pieces, value));
  return both;
}

Result<WeightMatrix> WeightReader::matrix(const std::string& name, uint64_t rows, uint64_t cols) {
  PUMICE_ASSIGN(const GgufTensor* part, tensor(name + ".weight", rows, cols));
  return upload({&part, 1});
}

Result<Projection> WeightReader::projection(const std::string& name, uint64_t rows, uint64_t cols, float bias_factor) {
  PUMICE_ASSIGN(std::vector<Projection> one, stacked({&name, 1}, {&rows, 1}, cols, bias_factor));
  return std::move(one[0]);
}

Result<Projection> WeightReader::convolution(const std::string& name, uint64_t outputs, uint64_t inputs,
                                             uint64_t taps) {
  PUMICE_ASSIGN(const GgufTensor* whole, tensor(name + ".weight", inputs, taps, outputs));
  PUMICE_ASSIGN(const std::vector<float> all, fetch_values(file_, *whole));
  std::vector<float> turned(all.size());
  for (uint64_t i = 0; i < all.size(); ++i) {
    const uint64_t tap = i % taps, input = i / taps % inputs, output = i / taps / inputs;
    turned[(output * taps + tap) * inputs + input] = all[i];
  }
  const GgufTensor* const matrix = made(*whole, {taps * inputs, outputs, 1, 1}, turned);
  Projection projection;
  PUMICE_ASSIGN(projection.w, upload({&matrix, 1}));
  PUMICE_ASSIGN(projection.bias, bias(name, outputs));
  return projection;
}

Result<std::array<Projection, 2>> WeightReader::alternating(const std::string& name, uint64_t blocks, uint64_t rows,
                                                            uint64_t cols) {
  PUMICE_ASSIGN(const GgufTensor* whole, tensor(name + ".weight", 2 * blocks * rows, cols));
  std::array<Projection, 2> both;
  for (size_t i = 0; i < 2; ++i) {
    std::vector<const GgufTensor*> pieces = halves_of_blocks(*whole, blocks, i, rows);
    if (rows % kRowInterleave != 0) pieces = {gathered(pieces)};  // such blocks are small
    PUMICE_ASSIGN(both[i].w, upload(pieces));
  }
  if (!has_bias(name)) return both;
  PUMICE_ASSIGN(const std::vector<float> all, values(name + ".bias", 1, 2 * blocks * rows));
  for (size_t i = 0; i < 2; ++i) {
    std::vector<float> bias;
    for (size_t block = 0; block < blocks; ++block) {
      const auto first = all.begin() + static_cast<ptrdiff_t>((2 * block + i) * rows);
      bias.insert(bias.end(), first, first + static_cast<ptrdiff_t>(rows));
    }
    PUMICE_ASSIGN(both[i].bias, floats(bias));
  }
  return both;
}

Result<std::vector<float>> WeightReader::values(const std::string& name, uint64_t rows, uint64_t cols) {
  if (invented_) return std::vector<float>(rows * cols);
  PUMICE_ASSIGN(const GgufTensor* source, tensor(name, rows, cols));
  return fetch_values(file_, *source);
}

Result<std::optional<vk::Buffer>> WeightReader::stacked_bias(std::span<const std::string> names,
                                                             std::span<const uint64_t> rows, float factor) {
  std::vector<float> values;
  bool any = false;
  for (size_t i = 0; i < names.size(); ++i) {
    std::vector<float> part(rows[i], 0.0f);
    if (find(names[i] + ".bias")) {
      PUMICE_ASSIGN(const GgufTensor* source, tensor(names[i] + ".bias", 1, rows[i]));
      PUMICE_ASSIGN(part, fetch_values(file_, *source));
      any = true;
    }
    values.insert(values.end(), part.begin(), part.end());
  }
  if (!any) return std::optional<vk::Buffer>();
  for (float& value : values) value *= factor;
  PUMICE_ASSIGN(vk::Buffer buffer, floats(values));
  return std::optional<vk::Buffer>(std::move(buffer));
}

Result<std::vector<Projection>> WeightReader::stacked(std::span<const std::string> names,
                                                      std::span<const uint64_t> rows, uint64_t cols,
                                                      float bias_factor) {
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
    const auto joins = [&](size_t i) {
      return tensors[i]->type == tensors[first]->type && rows[i - 1] % kRowInterleave == 0 && !has_range(names[i]) &&
             !has_range(names[first]);
    };
    while (end < names.size() && joins(end)) height += rows[end++];
    Projection projection;
    projection.y_offset = static_cast<uint32_t>(y_offset);
    PUMICE_ASSIGN(projection.w, upload(std::span(tensors).subspan(first, end - first)));
    PUMICE_ASSIGN(projection.bias,
                  stacked_bias(names.subspan(first, end - first), rows.subspan(first, end - first), bias_factor));
    PUMICE_TRY(read_ranges(names[first], projection));
    std::vector<AdaptableMatrix::Part> parts;
    for (size_t i = first; i < end; ++i)
      parts.push_back({.tensor = std::string(tensors[i]->name), .rows = static_cast<uint32_t>(rows[i])});
    make_adaptable(projection, std::move(parts), cols);
    projections.push_back(std::move(projection));
    y_offset += height;
    first = end;
  }
  return projections;
}

}  // namespace pumice
