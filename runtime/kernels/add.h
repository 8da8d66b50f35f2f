// add: y (n, cols) = a + b.
#pragma once

#include "kernels/kernels.h"

namespace pumice {

struct AddArgs {
  FloatRows a, b, y;  // (n, cols); y is neither a nor b
  uint32_t n = 1, cols = 0;
};
void add(Recorder recorder, const AddArgs& args);

}  // namespace pumice
