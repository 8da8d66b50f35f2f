#include "model/adapter_stack.h"

#include <algorithm>
#include <cstring>
#include <deque>

#include "format/dequantize.h"
#include "format/device_layout.h"
#include "format/half.h"
#include "model/spec.h"
#include "model/uploader.h"
#include "shared/lora.h"

namespace pumice {
namespace {

// What an adapter adds to some rows of a matrix, and where its rank lies among all.
struct Factor {
  const Adapter::Tensor* tensor;
  uint32_t adapter;
  uint32_t first_row, rows;  // of the matrix
  uint32_t tensor_row;       // of B, for the first of them
  uint32_t first_rank;
};

struct StackPlan {
  uint32_t matrix = 0;
  uint32_t rows = 0, cols = 0, rank = 0;
  TensorType type = TensorType::kF16;  // of A and B: F32 where any factor is anything else
  std::vector<Factor> factors;
};

StackPlan plan_matrix(const AdaptableMatrix& matrix, std::span<const Adapter* const> adapters) {
  StackPlan plan{.cols = matrix.cols};
  uint32_t rank = 0;
  for (const AdaptableMatrix::Part& part : matrix.parts) {
    for (uint32_t i = 0; i < adapters.size(); ++i) {
      const Adapter::Tensor* const tensor = adapters[i]->find(part.tensor);
      if (!tensor) continue;
      plan.factors.push_back({.tensor = tensor,
                              .adapter = i,
                              .first_row = plan.rows,
                              .rows = part.rows,
                              .tensor_row = part.first,
                              .first_rank = rank});
      rank += tensor->rank;
      if (tensor->a_type != TensorType::kF16 || tensor->b_type != TensorType::kF16) plan.type = TensorType::kF32;
    }
    plan.rows += part.rows;
  }
  plan.rank = divide_up(rank, kRowInterleave) * kRowInterleave;
  return plan;
}

std::vector<StackPlan> plan_all(std::span<const AdaptableMatrix> matrices, std::span<const Adapter* const> adapters) {
  std::vector<StackPlan> plans;
  for (uint32_t i = 0; i < matrices.size(); ++i) {
    StackPlan plan = plan_matrix(matrices[i], adapters);
    plan.matrix = i;
    if (!plan.factors.empty()) plans.push_back(std::move(plan));
  }
  return plans;
}

GgufTensor tensor_of(const StackPlan& plan, uint64_t rows, uint64_t cols) {
  return {.dims = {cols, rows, 1, 1}, .dim_count = 2, .type = plan.type};
}

Result<uint64_t> matrix_bytes(const StackPlan& plan) {
  PUMICE_ASSIGN(const DeviceLayout a, device_layout_for(tensor_of(plan, plan.rank, plan.cols)));
  PUMICE_ASSIGN(const DeviceLayout b, device_layout_for(tensor_of(plan, plan.rows, plan.rank)));
  return a.total_bytes() + b.total_bytes() + plan.rank * sizeof(LoraColumn);
}

uint32_t most_rank(std::span<const StackPlan> plans) {
  return plans.empty() ? 0 : std::ranges::max(plans, {}, &StackPlan::rank).rank;
}

uint64_t product_bytes(std::span<const StackPlan> plans, const AdapterStackShape& shape) {
  return uint64_t{4} * shape.rows * row_stride(most_rank(plans));
}

std::vector<float> decoded(TensorType type, std::span<const std::byte> bytes, size_t count) {
  std::vector<float> values(count);
  dequantize_blocks(type, bytes, values);
  return values;
}

std::vector<std::byte> encoded(TensorType type, std::span<const float> values) {
  std::vector<std::byte> bytes;
  if (type == TensorType::kF32) {
    bytes.resize(values.size_bytes());
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  }
  std::vector<uint16_t> halves(values.size());
  std::ranges::transform(values, halves.begin(), float_to_half);
  bytes.resize(2 * halves.size());
  std::memcpy(bytes.data(), halves.data(), bytes.size());
  return bytes;
}

std::vector<float> stacked_a(const StackPlan& plan) {
  std::vector<float> all(size_t{plan.rank} * plan.cols);
  for (const Factor& factor : plan.factors) {
    const Adapter::Tensor& from = *factor.tensor;
    const std::vector<float> a = decoded(from.a_type, from.a, size_t{from.rank} * from.cols);
    std::ranges::copy(a, all.begin() + static_cast<ptrdiff_t>(size_t{factor.first_rank} * plan.cols));
  }
  return all;
}

std::vector<float> stacked_b(const StackPlan& plan) {
  std::vector<float> all(size_t{plan.rows} * plan.rank);
  for (const Factor& factor : plan.factors) {
    const Adapter::Tensor& from = *factor.tensor;
    const std::vector<float> b = decoded(from.b_type, from.b, size_t{from.rows} * from.rank);
    for (uint32_t row = 0; row < factor.rows; ++row)
      std::copy_n(b.begin() + static_cast<ptrdiff_t>(size_t{factor.tensor_row + row} * from.rank), from.rank,
                  all.begin() + static_cast<ptrdiff_t>(size_t{factor.first_row + row} * plan.rank + factor.first_rank));
  }
  return all;
}

std::vector<LoraColumn> columns_of(const StackPlan& plan) {
  std::vector<LoraColumn> columns(plan.rank);  // of the padding: a gain of 0
  for (const Factor& factor : plan.factors)
    for (uint32_t i = 0; i < factor.tensor->rank; ++i)
      columns[factor.first_rank + i] = {.adapter = factor.adapter, .gain = factor.tensor->gain};
  return columns;
}

}  // namespace

Result<uint64_t> AdapterStack::bytes(std::span<const AdaptableMatrix> matrices,
                                     std::span<const Adapter* const> adapters, const AdapterStackShape& shape) {
  const std::vector<StackPlan> plans = plan_all(matrices, adapters);
  uint64_t all = product_bytes(plans, shape) + sizeof(float) * shape.slots * adapters.size();
  for (const StackPlan& plan : plans) {
    PUMICE_ASSIGN(const uint64_t bytes, matrix_bytes(plan));
    all += bytes;
  }
  return all;
}

Result<AdapterStack> AdapterStack::create(vk::Device& device, std::span<const AdaptableMatrix> matrices,
                                          std::span<const Adapter* const> adapters, const AdapterStackShape& shape) {
  AdapterStack stack;
  PUMICE_ASSIGN(stack.bytes_, bytes(matrices, adapters, shape));
  stack.adapters_ = static_cast<uint32_t>(adapters.size());
  const std::vector<StackPlan> plans = plan_all(matrices, adapters);
  PUMICE_ASSIGN(Uploader uploader, Uploader::create(device));
  std::deque<std::vector<std::byte>> copies;  // until the uploader has finished
  std::deque<GgufTensor> tensors;
  const auto upload = [&](const StackPlan& plan, uint64_t rows, uint64_t cols, std::span<const float> values) {
    GgufTensor& tensor = tensors.emplace_back(tensor_of(plan, rows, cols));
    tensor.data = copies.emplace_back(encoded(plan.type, values));
    const GgufTensor* const one = &tensor;
    return uploader.upload_matrix({&one, 1});
  };
  for (const StackPlan& plan : plans) {
    AdaptedMatrix& matrix = stack.matrices_[plan.matrix];
    PUMICE_ASSIGN(matrix.a, upload(plan, plan.rank, plan.cols, stacked_a(plan)));
    PUMICE_ASSIGN(matrix.b, upload(plan, plan.rows, plan.rank, stacked_b(plan)));
    const std::vector<LoraColumn> columns = columns_of(plan);
    PUMICE_ASSIGN(matrix.columns, uploader.upload_bytes(std::as_bytes(std::span(columns))));
  }
  PUMICE_TRY(uploader.finish());
  PUMICE_ASSIGN(stack.products_, device.create_buffer(product_bytes(plans, shape), vk::MemoryIntent::kDevice));
  PUMICE_ASSIGN(stack.scales_,
                device.create_buffer(sizeof(float) * shape.slots * adapters.size(), vk::MemoryIntent::kShared));
  std::memset(stack.scales_.mapped(), 0, stack.scales_.size());
  return stack;
}

std::vector<uint32_t> AdapterStack::adapted() const {
  std::vector<uint32_t> all;
  for (const auto& [matrix, stacked] : matrices_) all.push_back(matrix);
  return all;
}

}  // namespace pumice
