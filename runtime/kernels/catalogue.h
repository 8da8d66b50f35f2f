// The pipelines that the library would make on a device, for reports and for tests of every driver's compiler.
#pragma once

#include <string>
#include <vector>

#include "kernels/kernels.h"

namespace pumice {

struct CataloguedPipeline {
  PipelineKey key;
  std::string use;         // the first operation that takes it: "matvec q4_0 4096 x 4096, n 1, norm"
  bool decode = false;     // a matrix-vector product of the decode step: what its speed hangs on
  uint32_t candidate = 0;  // 0: the kernel's choice; others are what tuning may take instead
};

// What the operations of a model take, each pipeline once: over the widths of a 135-million- and an 8-billion-parameter
// model, 1 to 512 rows, every weight type, both types of the KV cache and heads of 64 and 128. Pure.
std::vector<CataloguedPipeline> pipeline_catalogue(const vk::DeviceCaps& caps, bool with_candidates);

}  // namespace pumice
