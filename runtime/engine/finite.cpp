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
  return error(Status::kMalformed,
               "the model (%s) computes NaN or infinite values; its file is damaged, or its numbers "
               "are too large for this KV cache's type",
               model.config().architecture.c_str());
}

}  // namespace pumice
