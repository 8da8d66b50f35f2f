#include "game/overlay_painter.h"

#include <imgui.h>

#include <algorithm>
#include <cstring>

#include "game/pipelines.h"

namespace pumice_game {

namespace {

struct OverlayPush {
  float scale[2], offset[2];
};

void grow(const Gpu& gpu, Buffer* buffer, VkDeviceSize size, VkBufferUsageFlags usage) {
  if (buffer->size() < size) *buffer = Buffer(gpu, std::max<VkDeviceSize>(size + size / 2, 65536), usage);
}

// Of the target, or an empty one.
VkRect2D scissor_of(const ImDrawData& data, const ImVec4& clip) {
  const float left = std::max(clip.x - data.DisplayPos.x, 0.0f), top = std::max(clip.y - data.DisplayPos.y, 0.0f);
  const float right = std::min(clip.z - data.DisplayPos.x, data.DisplaySize.x);
  const float bottom = std::min(clip.w - data.DisplayPos.y, data.DisplaySize.y);
  if (right <= left || bottom <= top) return {};
  return {{static_cast<std::int32_t>(left), static_cast<std::int32_t>(top)},
          {static_cast<std::uint32_t>(right - left), static_cast<std::uint32_t>(bottom - top)}};
}

}  // namespace

OverlayPainter::OverlayPainter(Gpu* gpu, VkRenderPass pass, VkCommandBuffer commands) : gpu_(gpu) {
  create_letters(commands);
  create_set();
  layout_ = create_layout(gpu_->device(), set_layout_, VK_SHADER_STAGE_VERTEX_BIT, sizeof(OverlayPush));
  set_pass(pass);
}

OverlayPainter::~OverlayPainter() {
  const VkDevice device = gpu_->device();
  vkDestroyPipeline(device, pipeline_, nullptr);
  vkDestroyPipelineLayout(device, layout_, nullptr);
  vkDestroyDescriptorPool(device, pool_, nullptr);
  vkDestroyDescriptorSetLayout(device, set_layout_, nullptr);
  vkDestroySampler(device, sampler_, nullptr);
}

void OverlayPainter::set_pass(VkRenderPass pass) {
  vkDestroyPipeline(gpu_->device(), pipeline_, nullptr);
  pipeline_ = create_overlay_pipeline(gpu_->device(), pass, layout_);
}

void OverlayPainter::create_letters(VkCommandBuffer commands) {
  unsigned char* pixels = nullptr;
  int width = 0, height = 0;
  ImGui::GetIO().Fonts->GetTexDataAsRGBA32(&pixels, &width, &height);
  const VkExtent2D extent{static_cast<std::uint32_t>(width), static_cast<std::uint32_t>(height)};
  const std::size_t bytes = std::size_t{4} * extent.width * extent.height;
  staging_ = Buffer(*gpu_, bytes, VK_BUFFER_USAGE_TRANSFER_SRC_BIT);
  std::memcpy(staging_.data(), pixels, bytes);
  letters_ = Image(*gpu_, extent, VK_FORMAT_R8G8B8A8_UNORM,
                   VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT, VK_IMAGE_ASPECT_COLOR_BIT);
  change_layout(commands, letters_.get(), VK_IMAGE_LAYOUT_UNDEFINED, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
  const VkBufferImageCopy copy{.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
                               .imageExtent = {extent.width, extent.height, 1}};
  vkCmdCopyBufferToImage(commands, staging_.get(), letters_.get(), VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &copy);
  change_layout(commands, letters_.get(), VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
}

void OverlayPainter::create_set() {
  const VkDevice device = gpu_->device();
  const VkSamplerCreateInfo sampler{
      .sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO, .magFilter = VK_FILTER_LINEAR, .minFilter = VK_FILTER_LINEAR};
  check_vk(vkCreateSampler(device, &sampler, nullptr, &sampler_), "vkCreateSampler");
  const VkDescriptorSetLayoutBinding binding{.descriptorType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
                                             .descriptorCount = 1,
                                             .stageFlags = VK_SHADER_STAGE_FRAGMENT_BIT};
  const VkDescriptorSetLayoutCreateInfo layout{
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO, .bindingCount = 1, .pBindings = &binding};
  check_vk(vkCreateDescriptorSetLayout(device, &layout, nullptr, &set_layout_), "vkCreateDescriptorSetLayout");
  const VkDescriptorPoolSize size{VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, 1};
  const VkDescriptorPoolCreateInfo pool{
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO, .maxSets = 1, .poolSizeCount = 1, .pPoolSizes = &size};
  check_vk(vkCreateDescriptorPool(device, &pool, nullptr, &pool_), "vkCreateDescriptorPool");
  const VkDescriptorSetAllocateInfo allocation{.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                               .descriptorPool = pool_,
                                               .descriptorSetCount = 1,
                                               .pSetLayouts = &set_layout_};
  check_vk(vkAllocateDescriptorSets(device, &allocation, &set_), "vkAllocateDescriptorSets");
  const VkDescriptorImageInfo image{sampler_, letters_.view(), VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL};
  const VkWriteDescriptorSet write{.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                   .dstSet = set_,
                                   .descriptorCount = 1,
                                   .descriptorType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
                                   .pImageInfo = &image};
  vkUpdateDescriptorSets(device, 1, &write, 0, nullptr);
}

void OverlayPainter::upload(Lists* lists, const ImDrawData& data) {
  const auto vertex_count = static_cast<std::size_t>(data.TotalVtxCount);
  const auto index_count = static_cast<std::size_t>(data.TotalIdxCount);
  grow(*gpu_, &lists->vertices, vertex_count * sizeof(ImDrawVert), VK_BUFFER_USAGE_VERTEX_BUFFER_BIT);
  grow(*gpu_, &lists->indices, index_count * sizeof(ImDrawIdx), VK_BUFFER_USAGE_INDEX_BUFFER_BIT);
  std::byte *vertices = lists->vertices.data(), *indices = lists->indices.data();
  for (int i = 0; i < data.CmdListsCount; ++i) {
    const ImDrawList& list = *data.CmdLists[i];
    const std::size_t vertex_bytes = static_cast<std::size_t>(list.VtxBuffer.Size) * sizeof(ImDrawVert);
    const std::size_t index_bytes = static_cast<std::size_t>(list.IdxBuffer.Size) * sizeof(ImDrawIdx);
    std::memcpy(vertices, list.VtxBuffer.Data, vertex_bytes);
    std::memcpy(indices, list.IdxBuffer.Data, index_bytes);
    vertices += vertex_bytes;
    indices += index_bytes;
  }
}

void OverlayPainter::paint(VkCommandBuffer commands, std::size_t slot, const ImDrawData& data) {
  if (data.TotalVtxCount == 0 || data.DisplaySize.x <= 0 || data.DisplaySize.y <= 0) return;
  Lists& lists = lists_[slot];
  upload(&lists, data);
  const VkBuffer vertices = lists.vertices.get();
  const VkDeviceSize start = 0;
  vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline_);
  vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, layout_, 0, 1, &set_, 0, nullptr);
  vkCmdBindVertexBuffers(commands, 0, 1, &vertices, &start);
  vkCmdBindIndexBuffer(commands, lists.indices.get(), 0,
                       sizeof(ImDrawIdx) == 2 ? VK_INDEX_TYPE_UINT16 : VK_INDEX_TYPE_UINT32);
  OverlayPush push{{2 / data.DisplaySize.x, 2 / data.DisplaySize.y}, {}};
  push.offset[0] = -1 - data.DisplayPos.x * push.scale[0];
  push.offset[1] = -1 - data.DisplayPos.y * push.scale[1];
  vkCmdPushConstants(commands, layout_, VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof push, &push);
  std::uint32_t first_index = 0;
  std::int32_t first_vertex = 0;
  for (int i = 0; i < data.CmdListsCount; ++i) {
    const ImDrawList& list = *data.CmdLists[i];
    for (const ImDrawCmd& command : list.CmdBuffer) {
      const VkRect2D scissor = scissor_of(data, command.ClipRect);
      if (command.UserCallback || scissor.extent.width == 0) continue;
      vkCmdSetScissor(commands, 0, 1, &scissor);
      vkCmdDrawIndexed(commands, command.ElemCount, 1, first_index + command.IdxOffset,
                       first_vertex + static_cast<std::int32_t>(command.VtxOffset), 0);
    }
    first_index += static_cast<std::uint32_t>(list.IdxBuffer.Size);
    first_vertex += list.VtxBuffer.Size;
  }
}

}  // namespace pumice_game
