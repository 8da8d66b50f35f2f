// What of a file's tensors is arranged anew before it goes to the device.
#include <algorithm>
#include <cstring>
#include <utility>

#include "format/dequantize.h"
#include "model/weight_reader.h"

namespace pumice {

Result<std::vector<float>> WeightReader::all_values(const std::string& name, uint64_t count) {
  const GgufTensor* found = find(name);
  if (!found) return error(Status::kMalformed, "the model file has no tensor %s", name.c_str());
  if (found->rows() * found->cols() != count)
    return error(Status::kMalformed, "tensor %s is %s, %llu values are expected", name.c_str(),
                 render_shape(*found).c_str(), static_cast<unsigned long long>(count));
  used_.insert(found);
  return fetch_values(file_, *found);
}

Result<Projection> WeightReader::matrix_of(const std::string& name, uint64_t rows, uint64_t cols,
                                           std::span<const float> values, WithBias with_bias) {
  const GgufTensor* like = find(name + ".weight");
  PUMICE_CHECK(like != nullptr && values.size() == rows * cols);
  Projection projection;
  const GgufTensor* const tensor = made(*like, {cols, rows, 1, 1}, values);
  PUMICE_ASSIGN(projection.w, upload({&tensor, 1}));
  if (with_bias == WithBias::kYes && has_bias(name)) {
    PUMICE_ASSIGN(projection.bias, bias(name, rows));
  }
  PUMICE_TRY(read_ranges(name, projection));
  return projection;
}

Result<Projection> WeightReader::reordered(const std::string& name, uint64_t rows, uint64_t cols,
                                           std::span<const uint32_t> order) {
  const size_t block = order.size(), missing = static_cast<size_t>(std::count(order.begin(), order.end(), kNoRow));
  const size_t file_block = block - missing, file_rows = rows / block * file_block;
  PUMICE_ASSIGN(const GgufTensor* whole, tensor(name + ".weight", file_rows, cols));
  const size_t bytes = whole->row_bytes();
  std::vector<std::byte>& copy = copies_.emplace_back(rows * bytes);  // zero bytes are zeros of every type
  std::vector<std::byte> scratch(whole->data.size());
  PUMICE_ASSIGN(const std::span<const std::byte> data, file_.fetch(whole->data, scratch));
  const auto each_row = [&](auto take) {
    for (size_t row = 0; row < rows; ++row)
      if (order[row % block] != kNoRow) take(row, row / block * file_block + order[row % block]);
  };
  each_row([&](size_t row, size_t from) { std::memcpy(copy.data() + row * bytes, data.data() + from * bytes, bytes); });
  GgufTensor& made = parts_.emplace_back(*whole);
  made.dims[1] = rows;
  made.data = copy;
  const GgufTensor* const pointer = &made;
  Projection projection;
  PUMICE_ASSIGN(projection.w, upload({&pointer, 1}));
  if (has_bias(name)) {
    PUMICE_ASSIGN(const std::vector<float> values, this->values(name + ".bias", 1, file_rows));
    std::vector<float> moved(rows);
    each_row([&](size_t row, size_t from) { moved[row] = values[from]; });
    PUMICE_ASSIGN(projection.bias, floats(moved));
  }
  PUMICE_TRY(read_ranges(name, projection));
  return projection;
}

Result<void> WeightReader::read_ranges(const std::string& name, Projection& projection) {
  const auto range = [&](const char* side) -> Result<std::optional<ValueRange>> {
    const std::string low = name + "." + side + "_min", high = name + "." + side + "_max";
    if (!find(low) && !find(high)) return std::optional<ValueRange>();
    PUMICE_ASSIGN(const std::vector<float> lowest, all_values(low, 1));
    PUMICE_ASSIGN(const std::vector<float> highest, all_values(high, 1));
    if (!(lowest[0] <= highest[0])) return error(Status::kMalformed, "%s is not below %s", low.c_str(), high.c_str());
    return std::optional(ValueRange{lowest[0], highest[0]});
  };
  PUMICE_ASSIGN(projection.in, range("input"));
  PUMICE_ASSIGN(projection.out, range("output"));
  return {};
}

void WeightReader::make_adaptable(Projection& projection, std::vector<AdaptableMatrix::Part> parts, uint64_t cols) {
  if (projection.in || projection.out) return;
  projection.adaptable = static_cast<uint32_t>(adaptable_.size());
  adaptable_.push_back({.parts = std::move(parts), .cols = static_cast<uint32_t>(cols)});
}

Result<std::array<Projection, 2>> WeightReader::parts(const std::string& name, const std::array<uint64_t, 2>& rows,
                                                      uint64_t cols) {
  const uint64_t all = rows[0] + rows[1];
  PUMICE_ASSIGN(const GgufTensor* whole, tensor(name + ".weight", all, cols));
  std::array<Projection, 2> both;
  std::vector<float> bias;
  if (find(name + ".bias")) {
    PUMICE_ASSIGN(const GgufTensor* source, tensor(name + ".bias", 1, all));
    PUMICE_ASSIGN(bias, fetch_values(file_, *source));
  }
  for (size_t i = 0; i < 2; ++i) {
    const uint64_t first = i == 0 ? 0 : rows[0];
    GgufTensor& part = parts_.emplace_back(*whole);
    part.dims[1] = rows[i];
    part.data = whole->data.subspan(first * whole->row_bytes(), rows[i] * whole->row_bytes());
    const GgufTensor* const pointer = &part;
    PUMICE_ASSIGN(both[i].w, upload({&pointer, 1}));
    make_adaptable(both[i],
                   {{.tensor = std::string(whole->name),
                     .first = static_cast<uint32_t>(first),
                     .rows = static_cast<uint32_t>(rows[i])}},
                   cols);
    if (bias.empty()) continue;
    PUMICE_ASSIGN(both[i].bias, floats(std::span(bias).subspan(first, rows[i])));
  }
  return both;
}

}  // namespace pumice
