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
  bool full_subgroups = false;          // every subgroup is full; the local size is a multiple of its size
  uint32_t subgroup_size = 0;           // demanded with full_subgroups; 0: DeviceCaps::subgroup_size
  bool statistics = false;              // keep what read_statistics() asks for; creation is slower
};

// Move-only; the device outlives it, and its destroyer has waited for the submissions that use it. Thread-safe.
class Pipeline {
 public:
  // Status::kUnsupported when the device has too little shared memory, too small workgroups, or no subgroups of the
  // size: drivers need not check that, and some crash.
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
