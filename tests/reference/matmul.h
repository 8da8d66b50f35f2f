// y = x W^T for many rows of x: x (n, cols), W (rows, cols), y (n, rows). Thread rule: a pure function.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "matvec.h"

namespace pumice::reference {

inline std::vector<float> matmul(std::span<const float> x, std::span<const float> w, size_t rows, size_t cols) {
  return matvec({.x = x, .w = w, .rows = rows, .cols = cols});
}

}  // namespace pumice::reference
