#include "vk/pipeline_statistics.h"

#include "vk/enumerate.h"

namespace pumice::vk {
namespace {

double number(const VkPipelineExecutableStatisticKHR& statistic) {
  switch (statistic.format) {
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR:
      return statistic.value.b32 ? 1 : 0;
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64_KHR:
      return static_cast<double>(statistic.value.i64);
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64_KHR:
      return static_cast<double>(statistic.value.u64);
    case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_FLOAT64_KHR:
      return statistic.value.f64;
    default:
      return 0;
  }
}

}  // namespace

Result<std::vector<PipelineExecutable>> read_statistics(Device& device, const Pipeline& pipeline) {
  std::vector<PipelineExecutable> executables;
  if (!device.caps().executable_properties || !device.table().vkGetPipelineExecutablePropertiesKHR ||
      !device.table().vkGetPipelineExecutableStatisticsKHR)
    return executables;
  const DeviceTable& table = device.table();
  const VkPipelineInfoKHR of{.sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, .pipeline = pipeline.handle()};
  const auto list = [&](uint32_t* count, VkPipelineExecutablePropertiesKHR* items) {
    return table.vkGetPipelineExecutablePropertiesKHR(device.handle(), &of, count, items);
  };
  PUMICE_ASSIGN(const auto properties, enumerate<VkPipelineExecutablePropertiesKHR>(
                                           "vkGetPipelineExecutablePropertiesKHR", list,
                                           {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR}));
  for (uint32_t i = 0; i < properties.size(); ++i) {
    const VkPipelineExecutableInfoKHR which{
        .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, .pipeline = pipeline.handle(), .executableIndex = i};
    const auto list_values = [&](uint32_t* count, VkPipelineExecutableStatisticKHR* items) {
      return table.vkGetPipelineExecutableStatisticsKHR(device.handle(), &which, count, items);
    };
    PUMICE_ASSIGN(const auto statistics, enumerate<VkPipelineExecutableStatisticKHR>(
                                             "vkGetPipelineExecutableStatisticsKHR", list_values,
                                             {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR}));
    PipelineExecutable executable{.name = text_of(properties[i].name), .subgroup_size = properties[i].subgroupSize};
    for (const VkPipelineExecutableStatisticKHR& statistic : statistics)
      executable.statistics.push_back({text_of(statistic.name), number(statistic)});
    executables.push_back(std::move(executable));
  }
  return executables;
}

}  // namespace pumice::vk
