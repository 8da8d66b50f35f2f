#include "kernels/weights.h"

namespace pumice {

uint64_t WeightMatrix::bytes() const {
  uint64_t total = 0;
  for (const WeightSlab& slab : slabs) total += slab.buffer.size();
  return total;
}

const char* weight_variant(uint32_t type) {
  static constexpr const char* kNames[kWeightTypes] = {
      "f32",    "f16",    "bf16", "q8_0", "q4_0",  "q4_1",    "q5_0", "q5_1", "q4_k",  "q5_k", "q6_k", "mxfp4",
      "iq4_nl", "iq4_xs", "q3_k", "q2_k", "iq3_s", "iq3_xxs", "iq2",  "iq1",  "nvfp4", "q2_0", "q1_0"};
  PUMICE_CHECK(type < kWeightTypes);
  return kNames[type];
}

}  // namespace pumice
