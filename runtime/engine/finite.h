// What a model that computes NaN or infinite values is told by.
#pragma once

#include <span>

#include "model/model.h"

namespace pumice {

// Whether a model that gave this row of logits works: no NaN, no positive infinity, not all of them negative infinity.
// Steps that draw find the same on the device: kTokenNotFinite.
bool finite(std::span<const float> logits);

Error not_finite(const Model& model);

}  // namespace pumice
