// Multiplication by the normalised Hadamard matrix in Sylvester's order, by its definition: entry (i, j) is 1 /
// sqrt(n), negative where i and j have an odd number of ones in common. It is its own inverse. Thread rule: a pure
// function.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace pumice::reference {

// Each `block` (a power of two) of values on its own; block 1 leaves them as they are.
inline void hadamard(std::span<float> values, size_t block) {
  if (block == 1) return;
  for (size_t first = 0; first + block <= values.size(); first += block) {
    std::vector<double> sums(block, 0.0);
    for (size_t i = 0; i < block; ++i)
      for (size_t j = 0; j < block; ++j)
        sums[i] += std::popcount(i & j) % 2 == 0 ? static_cast<double>(values[first + j])
                                                 : -static_cast<double>(values[first + j]);
    for (size_t i = 0; i < block; ++i)
      values[first + i] = static_cast<float>(sums[i] / std::sqrt(static_cast<double>(block)));
  }
}

}  // namespace pumice::reference
