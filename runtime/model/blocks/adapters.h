// Adapters in a step: y += factor B scale(A x) for the adapters of a matrix (kernels/lora.h).
#pragma once

#include "model/step.h"

namespace pumice {

// What W was multiplied with, and where the product went.
struct AdaptedProduct {
  const Projection& projection;
  FloatRows x;
  const vk::Buffer* norm = nullptr;  // of x, as MatvecArgs::norm
  float factor = 1;
  FloatRows y;
  uint32_t y_offset = 0;
  uint32_t n = 1;
  uint32_t first_row = 0;  // of the step: that of x's row 0
};
// Nothing where the step or the matrix has no adapters; false then.
bool add_adapters(Recorder recorder, const StepContext& context, const AdaptedProduct& product);

// Whether the step adds adapters to the projection.
bool is_adapted(const StepContext& context, const Projection& projection);

}  // namespace pumice
