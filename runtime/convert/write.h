// Writes a planned file: head first, then tensor after tensor, piece by piece, under its name only when it is whole.
#pragma once

#include <functional>
#include <string>

#include "convert/plan.h"

namespace pumice {

struct ConvertProgress {
  std::function<bool(float fraction)> tell;  // false: stop with Status::kCancelled; may be empty
};

// Memory: some tens of MB whatever the tensors' sizes. Returns the size of the file.
Result<uint64_t> write_model(const ConvertPlan& plan, const std::string& path, const ConvertProgress& progress);

}  // namespace pumice
