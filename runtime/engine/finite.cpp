#include "engine/finite.h"

#include <limits>

namespace pumice {

bool finite(std::span<const float> logits) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  bool none_bad = true, any_good = false;
  for (const float logit : logits) {
    none_bad = none_bad && logit < kInfinity;  // NaN is not
    any_good = any_good || logit > -kInfinity;
  }
  return none_bad && any_good;
}

Error not_finite(const Model& model) {
  const ModelSpec& spec = model.spec();
  return error(
      Status::kMalformed,
      "the model computes NaN or infinite values (%s); its file is damaged, or it takes a KV cache of type f32",
      (spec.name.empty() ? spec.architecture : spec.name).c_str());
}

}  // namespace pumice
