// The pipelines that the library would make on a device, for reports and for tests of every driver's compiler.
#pragma once

#include <vector>

#include "kernels/pipeline_report.h"

namespace pumice {

// What the steps of sample models take, each pipeline once: decoding and prompts of 1 to 512 tokens, every weight type,
// every type of the KV cache, and one model for each form of attention, recurrence and feed-forward block. Pure.
std::vector<CataloguedPipeline> pipeline_catalogue(const vk::DeviceCaps& caps, bool with_candidates);

}  // namespace pumice
