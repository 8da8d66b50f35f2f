// What a driver's compiler says of a pipeline: registers, spills, scratch memory, occupancy, in its own words.
// Source: VK_KHR_pipeline_executable_properties.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vk/pipeline.h"

namespace pumice::vk {

struct PipelineStatistic {
  std::string name;  // the driver's
  double value = 0;  // integers up to 2^53 are exact; booleans are 0 and 1
};

// One program that the driver made of the shader; some make one for each subgroup size and choose at dispatch.
struct PipelineExecutable {
  std::string name;
  uint32_t subgroup_size = 0;  // 0: not told
  std::vector<PipelineStatistic> statistics;
};

// Empty without DeviceCaps::executable_properties, or when the pipeline was made without PipelineInfo::statistics.
Result<std::vector<PipelineExecutable>> read_statistics(Device& device, const Pipeline& pipeline);

}  // namespace pumice::vk
