// Pipeline: one compute shader variant with its specialisation, ready to dispatch.
#pragma once

#include <span>
#include <string>

#include "vk/device.h"
#include "vk/spirv_reflect.h"

namespace pumice::vk {

struct PipelineInfo {
  std::string name;                     // for labels, profiles and errors
  std::span<const uint32_t> words;      // SPIR-V; outlives the call only
  std::span<const uint32_t> constants;  // values of specialisation constants 0, 1, 2, …
  bool full_subgroups = false;          // demand DeviceCaps::subgroup_size; the local size is a multiple of it
};

// Move-only; the device outlives it, and its destroyer has waited for the submissions that use it. Thread-safe.
class Pipeline {
 public:
  static Result<Pipeline> create(Device& device, const PipelineInfo& info);

  Pipeline() = default;
  Pipeline(Pipeline&& other) noexcept { *this = std::move(other); }
  Pipeline& operator=(Pipeline&& other) noexcept;
  ~Pipeline();

  const std::string& name() const { return name_; }
  const ShaderInterface& shader() const { return shader_; }
  VkPipeline handle() const { return handle_; }
  VkPipelineLayout layout() const { return layout_; }
  VkDescriptorSetLayout set_layout() const { return set_layout_; }

 private:
  Result<void> create_layouts();

  Device* device_ = nullptr;
  std::string name_;
  ShaderInterface shader_;
  VkDescriptorSetLayout set_layout_ = VK_NULL_HANDLE;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  VkPipeline handle_ = VK_NULL_HANDLE;
};

}  // namespace pumice::vk
