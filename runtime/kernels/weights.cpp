#include "kernels/weights.h"

#include "kernels/shader.h"

namespace pumice {

uint64_t WeightMatrix::bytes() const {
  uint64_t total = 0;
  for (const WeightSlab& slab : slabs) total += slab.buffer.size();
  return total;
}

const char* weight_variant(uint32_t type) {
  const Shader shader(ShaderKernel::kMatmul, ShaderForm::kPlain, type);
  PUMICE_CHECK(type < kWeightTypes && shader);
  return shader.name().substr(std::string_view("matmul.").size()).data();  // of a literal
}

}  // namespace pumice
