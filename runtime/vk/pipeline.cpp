#include "vk/pipeline.h"

#include <bit>
#include <utility>
#include <vector>

namespace pumice::vk {

Pipeline& Pipeline::operator=(Pipeline&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(name_, other.name_);
  std::swap(shader_, other.shader_);
  std::swap(set_layout_, other.set_layout_);
  std::swap(layout_, other.layout_);
  std::swap(handle_, other.handle_);
  return *this;
}

Pipeline::~Pipeline() {
  if (!device_ || device_->abandoned()) return;
  const DeviceTable& table = device_->table();
  if (handle_) table.vkDestroyPipeline(device_->handle(), handle_, device_->allocator());
  if (layout_) table.vkDestroyPipelineLayout(device_->handle(), layout_, device_->allocator());
  if (set_layout_) table.vkDestroyDescriptorSetLayout(device_->handle(), set_layout_, device_->allocator());
}

Result<void> Pipeline::create_layouts() {
  std::vector<VkDescriptorSetLayoutBinding> bindings;
  for (const ShaderBinding& b : shader_.bindings)
    bindings.push_back({b.binding, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr});
  const VkDescriptorSetLayoutCreateInfo set{.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                            .bindingCount = static_cast<uint32_t>(bindings.size()),
                                            .pBindings = bindings.data()};
  const DeviceTable& table = device_->table();
  VkResult result = table.vkCreateDescriptorSetLayout(device_->handle(), &set, device_->allocator(), &set_layout_);
  if (result != VK_SUCCESS) return vulkan_error(result, "vkCreateDescriptorSetLayout");
  const VkPushConstantRange range{VK_SHADER_STAGE_COMPUTE_BIT, 0, shader_.push_bytes};
  const VkPipelineLayoutCreateInfo layout{.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                          .setLayoutCount = 1,
                                          .pSetLayouts = &set_layout_,
                                          .pushConstantRangeCount = shader_.push_bytes ? 1u : 0u,
                                          .pPushConstantRanges = &range};
  result = table.vkCreatePipelineLayout(device_->handle(), &layout, device_->allocator(), &layout_);
  if (result != VK_SUCCESS) return vulkan_error(result, "vkCreatePipelineLayout");
  return {};
}

namespace {

Result<void> check_limits(const DeviceCaps& caps, const PipelineInfo& info, const ShaderInterface& shader) {
  const char* name = info.name.c_str();
  if (shader.shared_bytes > caps.max_shared_bytes)
    return error(Status::kUnsupported, "%s needs %llu bytes of shared memory, the device has %u", name,
                 static_cast<unsigned long long>(shader.shared_bytes), caps.max_shared_bytes);
  if (shader.push_bytes > caps.max_push_bytes)
    return error(Status::kUnsupported, "%s has %u bytes of push constants, the device takes %u", name,
                 shader.push_bytes, caps.max_push_bytes);
  if (shader.invocations() > caps.max_workgroup_invocations)
    return error(Status::kUnsupported, "%s has workgroups of %llu, the device allows %u", name,
                 static_cast<unsigned long long>(shader.invocations()), caps.max_workgroup_invocations);
  const uint32_t size = info.subgroup_size ? info.subgroup_size : caps.subgroup_size;
  const bool choosable = size >= caps.min_subgroup_size && size <= caps.max_subgroup_size && std::has_single_bit(size);
  if (info.subgroup_size && size != caps.subgroup_size && !(caps.subgroup_size_control && choosable))
    return error(Status::kUnsupported, "%s wants subgroups of %u, the device has %u to %u", name, size,
                 caps.min_subgroup_size, caps.max_subgroup_size);
  return {};
}

}  // namespace

Result<Pipeline> Pipeline::create(Device& device, const PipelineInfo& info) {
  Pipeline pipeline;
  pipeline.device_ = &device;
  pipeline.name_ = info.name;
  PUMICE_ASSIGN(pipeline.shader_, reflect(info.words, info.constants));
  PUMICE_TRY(check_limits(device.caps(), info, pipeline.shader_));
  PUMICE_TRY(pipeline.create_layouts());

  std::vector<VkSpecializationMapEntry> entries;
  for (const uint32_t id : pipeline.shader_.spec_ids)
    if (id < info.constants.size()) entries.push_back({id, id * 4, 4});
  const DeviceTable& table = device.table();
  const VkShaderModuleCreateInfo module_info{.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                             .codeSize = info.words.size_bytes(),
                                             .pCode = info.words.data()};
  VkShaderModule module = VK_NULL_HANDLE;
  VkResult result = table.vkCreateShaderModule(device.handle(), &module_info, device.allocator(), &module);
  if (result != VK_SUCCESS) return vulkan_error(result, "vkCreateShaderModule");

  const VkSpecializationInfo specialization{static_cast<uint32_t>(entries.size()), entries.data(),
                                            info.constants.size_bytes(), info.constants.data()};
  const VkPipelineShaderStageRequiredSubgroupSizeCreateInfoEXT subgroup{
      .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO_EXT,
      .requiredSubgroupSize = info.subgroup_size ? info.subgroup_size : device.caps().subgroup_size};
  constexpr VkPipelineShaderStageCreateFlags kFullSubgroups =
      VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT_EXT;
  constexpr VkPipelineCreateFlags kCapture = VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR;
  constexpr VkPipelineCreateFlags kPieces = VK_PIPELINE_CREATE_DISPATCH_BASE_BIT;  // see CommandStream
  const bool full = info.full_subgroups && device.caps().fixed_subgroup;
  const VkComputePipelineCreateInfo create{
      .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
      .flags = (info.statistics && device.caps().executable_properties ? kCapture : 0) |
               (device.caps().type == DeviceType::kCpu ? kPieces : 0),
      .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .pNext = full && device.caps().subgroup_size_control ? &subgroup : nullptr,
                .flags = full ? kFullSubgroups : 0,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                .module = module,
                .pName = "main",
                .pSpecializationInfo = &specialization},
      .layout = pipeline.layout_};
  result = table.vkCreateComputePipelines(device.handle(), device.pipeline_cache(), 1, &create, device.allocator(),
                                          &pipeline.handle_);
  table.vkDestroyShaderModule(device.handle(), module, device.allocator());
  if (result != VK_SUCCESS) return vulkan_error(result, info.name.c_str());
  return pipeline;
}

}  // namespace pumice::vk
