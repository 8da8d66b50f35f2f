// Draws Dear ImGui's lists with a pipeline of the game's: a texture of letters, and triangles.
#pragma once

#include <array>

#include "game/resources.h"

struct ImDrawData;

namespace pumice_game {

class OverlayPainter {
 public:
  // Dear ImGui's context exists. `commands` is being recorded, and done before the first paint() is.
  OverlayPainter(Gpu* gpu, VkRenderPass pass, VkCommandBuffer commands);
  OverlayPainter(const OverlayPainter&) = delete;
  OverlayPainter& operator=(const OverlayPainter&) = delete;
  ~OverlayPainter();

  // For target images of another format.
  void set_pass(VkRenderPass pass);
  // In a render pass. slot: of the frame in flight, whose last use is over.
  void paint(VkCommandBuffer commands, std::size_t slot, const ImDrawData& data);

 private:
  struct Lists {
    Buffer vertices, indices;
  };
  void create_letters(VkCommandBuffer commands);
  void create_set();
  void upload(Lists* lists, const ImDrawData& data);

  Gpu* gpu_;
  Image letters_;
  Buffer staging_;
  VkSampler sampler_ = VK_NULL_HANDLE;
  VkDescriptorSetLayout set_layout_ = VK_NULL_HANDLE;
  VkDescriptorPool pool_ = VK_NULL_HANDLE;
  VkDescriptorSet set_ = VK_NULL_HANDLE;
  VkPipelineLayout layout_ = VK_NULL_HANDLE;
  VkPipeline pipeline_ = VK_NULL_HANDLE;
  std::array<Lists, 2> lists_;
};

}  // namespace pumice_game
