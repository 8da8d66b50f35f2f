// The scales of adapters, and what adapters add to a product. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace pumice::reference {

// products (rows, adapter.size()) times gain[col] * scales[row][adapter[col]]; scales (rows, adapters).
inline std::vector<float> lora(std::span<const float> products, std::span<const size_t> adapter,
                               std::span<const float> gain, std::span<const float> scales, size_t adapters) {
  const size_t cols = adapter.size();
  std::vector<float> y(products.size());
  for (size_t i = 0; i < y.size(); ++i) {
    const float scale = scales[i / cols * adapters + adapter[i % cols]];
    if (scale != 0) y[i] = static_cast<float>(static_cast<double>(gain[i % cols]) * scale * products[i]);
  }
  return y;
}

// w (rows, cols) += scale b (rows, rank) a (rank, cols): the matrix that computes what w and the adapter do.
inline void merge_lora(std::span<float> w, std::span<const float> a, std::span<const float> b, size_t rank,
                       double scale) {
  const size_t cols = a.size() / rank;
  for (size_t i = 0; i < w.size(); ++i) {
    double sum = 0;
    for (size_t k = 0; k < rank; ++k)
      sum += static_cast<double>(b[i / cols * rank + k]) * static_cast<double>(a[k * cols + i % cols]);
    w[i] = static_cast<float>(w[i] + scale * sum);
  }
}

}  // namespace pumice::reference
