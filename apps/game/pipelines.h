// The render pass and the pipelines of the scene and of the overlay.
#pragma once

#include "game/gpu.h"

namespace pumice_game {

inline constexpr VkFormat kDepthFormat = VK_FORMAT_D32_SFLOAT;

// Clears both; the colours end in `final_layout`.
VkRenderPass create_render_pass(VkDevice device, VkFormat colour, VkImageLayout final_layout);

enum class Drawing { kObjects, kGround, kShadows };
VkPipeline create_scene_pipeline(VkDevice device, VkRenderPass pass, VkPipelineLayout layout, Drawing drawing);
VkPipeline create_overlay_pipeline(VkDevice device, VkRenderPass pass, VkPipelineLayout layout);

// set: may be null.
VkPipelineLayout create_layout(VkDevice device, VkDescriptorSetLayout set, VkShaderStageFlags stages,
                               std::uint32_t push_bytes);

}  // namespace pumice_game
