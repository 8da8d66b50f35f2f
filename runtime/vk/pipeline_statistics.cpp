#include "vk/pipeline_statistics.h"

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
  if (!device.caps().executable_properties) return executables;
  const VolkDeviceTable& table = device.table();
  const VkPipelineInfoKHR of{.sType = VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, .pipeline = pipeline.handle()};
  uint32_t count = 0;
  VkResult result = table.vkGetPipelineExecutablePropertiesKHR(device.handle(), &of, &count, nullptr);
  if (result != VK_SUCCESS) return vulkan_error(result, "vkGetPipelineExecutablePropertiesKHR");
  std::vector<VkPipelineExecutablePropertiesKHR> properties(
      count, {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR});
  result = table.vkGetPipelineExecutablePropertiesKHR(device.handle(), &of, &count, properties.data());
  if (result != VK_SUCCESS) return vulkan_error(result, "vkGetPipelineExecutablePropertiesKHR");
  for (uint32_t i = 0; i < count; ++i) {
    const VkPipelineExecutableInfoKHR which{
        .sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, .pipeline = pipeline.handle(), .executableIndex = i};
    uint32_t values = 0;
    result = table.vkGetPipelineExecutableStatisticsKHR(device.handle(), &which, &values, nullptr);
    if (result != VK_SUCCESS) return vulkan_error(result, "vkGetPipelineExecutableStatisticsKHR");
    std::vector<VkPipelineExecutableStatisticKHR> statistics(
        values, {.sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR});
    result = table.vkGetPipelineExecutableStatisticsKHR(device.handle(), &which, &values, statistics.data());
    if (result != VK_SUCCESS) return vulkan_error(result, "vkGetPipelineExecutableStatisticsKHR");
    PipelineExecutable executable{.name = properties[i].name, .subgroup_size = properties[i].subgroupSize};
    for (const VkPipelineExecutableStatisticKHR& statistic : statistics)
      executable.statistics.push_back({statistic.name, number(statistic)});
    executables.push_back(std::move(executable));
  }
  return executables;
}

}  // namespace pumice::vk
