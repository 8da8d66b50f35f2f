#include "game/renderer.h"

#include <cstring>
#include <utility>

#include "game/pipelines.h"

namespace pumice_game {

namespace {

// As scene.vert has it.
struct ScenePush {
  Mat4 view_projection;
  std::array<float, 4> eye, light;
};
constexpr VkShaderStageFlags kStages = VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT;
constexpr VkClearValue kHaze{.color = {.float32 = {0.871f, 0.833f, 0.794f, 1}}};  // scene.frag's, as it is shown

}  // namespace

Renderer::Renderer(Gpu* gpu, VkExtent2D extent) : gpu_(gpu), target_(gpu, extent), wanted_(extent) {
  pass_ = create_render_pass(gpu->device(), target_.format(), target_.final_layout());
  layout_ = create_layout(gpu->device(), VK_NULL_HANDLE, kStages, sizeof(ScenePush));
  objects_ = create_scene_pipeline(gpu->device(), pass_, layout_, Drawing::kObjects);
  ground_ = create_scene_pipeline(gpu->device(), pass_, layout_, Drawing::kGround);
  shadows_ = create_scene_pipeline(gpu->device(), pass_, layout_, Drawing::kShadows);
  create_slots();
  create_meshes();
  create_framebuffers();
  upload_letters();
}

Renderer::~Renderer() {
  const VkDevice device = gpu_->device();
  gpu_->wait_idle();
  overlay_.reset();
  destroy_framebuffers();
  for (Slot& slot : slots_) {
    vkDestroyFence(device, slot.done, nullptr);
    vkDestroySemaphore(device, slot.acquired, nullptr);
    vkDestroyQueryPool(device, slot.times, nullptr);
  }
  vkDestroyCommandPool(device, pool_, nullptr);
  for (const VkPipeline pipeline : {objects_, ground_, shadows_}) vkDestroyPipeline(device, pipeline, nullptr);
  vkDestroyPipelineLayout(device, layout_, nullptr);
  vkDestroyRenderPass(device, pass_, nullptr);
}

void Renderer::create_slots() {
  const VkDevice device = gpu_->device();
  const VkCommandPoolCreateInfo pool{.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                     .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
                                     .queueFamilyIndex = gpu_->family()};
  check_vk(vkCreateCommandPool(device, &pool, nullptr, &pool_), "vkCreateCommandPool");
  for (Slot& slot : slots_) {
    const VkCommandBufferAllocateInfo commands{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                               .commandPool = pool_,
                                               .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                               .commandBufferCount = 1};
    check_vk(vkAllocateCommandBuffers(device, &commands, &slot.commands), "vkAllocateCommandBuffers");
    const VkFenceCreateInfo fence{.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO, .flags = VK_FENCE_CREATE_SIGNALED_BIT};
    check_vk(vkCreateFence(device, &fence, nullptr, &slot.done), "vkCreateFence");
    const VkSemaphoreCreateInfo semaphore{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
    check_vk(vkCreateSemaphore(device, &semaphore, nullptr, &slot.acquired), "vkCreateSemaphore");
    const VkQueryPoolCreateInfo times{
        .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO, .queryType = VK_QUERY_TYPE_TIMESTAMP, .queryCount = 2};
    check_vk(vkCreateQueryPool(device, &times, nullptr, &slot.times), "vkCreateQueryPool");
  }
}

void Renderer::create_meshes() {
  std::vector<Vertex> vertices;
  std::vector<std::uint16_t> indices;
  for (std::size_t shape = 0; shape < kShapes; ++shape) {
    const Mesh mesh = make_mesh(static_cast<Shape>(shape));
    ranges_[shape] = {static_cast<std::uint32_t>(indices.size()), static_cast<std::uint32_t>(mesh.indices.size()),
                      static_cast<std::int32_t>(vertices.size())};
    vertices.insert(vertices.end(), mesh.vertices.begin(), mesh.vertices.end());
    indices.insert(indices.end(), mesh.indices.begin(), mesh.indices.end());
  }
  vertices_ = Buffer(*gpu_, vertices.size() * sizeof(Vertex), VK_BUFFER_USAGE_VERTEX_BUFFER_BIT);
  std::memcpy(vertices_.data(), vertices.data(), vertices.size() * sizeof(Vertex));
  indices_ = Buffer(*gpu_, indices.size() * sizeof(std::uint16_t), VK_BUFFER_USAGE_INDEX_BUFFER_BIT);
  std::memcpy(indices_.data(), indices.data(), indices.size() * sizeof(std::uint16_t));
}

void Renderer::create_framebuffers() {
  depth_ = Image(*gpu_, target_.extent(), kDepthFormat, VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT,
                 VK_IMAGE_ASPECT_DEPTH_BIT);
  for (std::size_t i = 0; i < target_.count(); ++i) {
    const VkImageView views[] = {target_.view(i), depth_.view()};
    const VkFramebufferCreateInfo info{.sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO,
                                       .renderPass = pass_,
                                       .attachmentCount = 2,
                                       .pAttachments = views,
                                       .width = target_.extent().width,
                                       .height = target_.extent().height,
                                       .layers = 1};
    framebuffers_.push_back(VK_NULL_HANDLE);
    check_vk(vkCreateFramebuffer(gpu_->device(), &info, nullptr, &framebuffers_.back()), "vkCreateFramebuffer");
  }
}

void Renderer::destroy_framebuffers() {
  for (const VkFramebuffer framebuffer : framebuffers_) vkDestroyFramebuffer(gpu_->device(), framebuffer, nullptr);
  framebuffers_.clear();
}

void Renderer::upload_letters() {
  Slot& slot = slots_[0];
  begin(&slot);
  overlay_ = std::make_unique<OverlayPainter>(gpu_, pass_, slot.commands);
  check_vk(vkEndCommandBuffer(slot.commands), "vkEndCommandBuffer");
  const VkSubmitInfo info{
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &slot.commands};
  check_vk(gpu_->submit(info, slot.done), "vkQueueSubmit");
}

// Waits for this queue alone: presenting uses semaphores of the old images.
bool Renderer::renew_target() {
  gpu_->wait_queue();
  if (!target_.recreate(wanted_)) return false;
  destroy_framebuffers();
  create_framebuffers();
  stale_ = false;
  return true;
}

// Waits for the slot's last frame.
void Renderer::begin(Slot* slot) {
  check_vk(vkWaitForFences(gpu_->device(), 1, &slot->done, VK_TRUE, UINT64_MAX), "vkWaitForFences");
  std::uint64_t ticks[2];
  if (slot->timed && gpu_->timestamp_ns() > 0 &&
      vkGetQueryPoolResults(gpu_->device(), slot->times, 0, 2, sizeof ticks, ticks, sizeof ticks[0],
                            VK_QUERY_RESULT_64_BIT) == VK_SUCCESS)
    gpu_us_ = static_cast<double>(ticks[1] - ticks[0]) * gpu_->timestamp_ns() / 1000;
  slot->timed = false;
  check_vk(vkResetFences(gpu_->device(), 1, &slot->done), "vkResetFences");
  const VkCommandBufferBeginInfo info{.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                      .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
  check_vk(vkBeginCommandBuffer(slot->commands, &info), "vkBeginCommandBuffer");
}

bool Renderer::draw(const Picture& picture, const ImDrawData* overlay, bool capture) {
  if (stale_ && !renew_target()) return false;
  const std::size_t at = next_;
  Slot& slot = slots_[at];
  check_vk(vkWaitForFences(gpu_->device(), 1, &slot.done, VK_TRUE, UINT64_MAX), "vkWaitForFences");
  std::uint32_t image = 0;
  bool waits = false;
  if (!target_.acquire(slot.acquired, &image, &waits)) {
    stale_ = true;
    return false;
  }
  begin(&slot);
  record(&slot, image, picture, overlay);
  if (capture && target_.can_be_read()) {
    record_capture(slot.commands, image);
    captured_in_ = at;
  }
  check_vk(vkEndCommandBuffer(slot.commands), "vkEndCommandBuffer");
  submit(&slot, image, waits);
  next_ = (at + 1) % kSlots;
  if (!target_.present(image)) stale_ = true;
  return true;
}

void Renderer::submit(Slot* slot, std::uint32_t image, bool waits) {
  const VkPipelineStageFlags stage = VK_PIPELINE_STAGE_COLOR_ATTACHMENT_OUTPUT_BIT;
  const VkSemaphore drawn = target_.drawn(image);
  const VkSubmitInfo info{.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                          .waitSemaphoreCount = waits ? 1u : 0u,
                          .pWaitSemaphores = &slot->acquired,
                          .pWaitDstStageMask = &stage,
                          .commandBufferCount = 1,
                          .pCommandBuffers = &slot->commands,
                          .signalSemaphoreCount = drawn ? 1u : 0u,
                          .pSignalSemaphores = &drawn};
  check_vk(gpu_->submit(info, slot->done), "vkQueueSubmit");
}

void Renderer::record(Slot* slot, std::uint32_t image, const Picture& picture, const ImDrawData* overlay) {
  const VkCommandBuffer commands = slot->commands;
  const bool timed = gpu_->timestamp_ns() > 0;
  if (timed) {
    vkCmdResetQueryPool(commands, slot->times, 0, 2);
    vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_TOP_OF_PIPE_BIT, slot->times, 0);
  }
  const VkClearValue clear[] = {kHaze, {.depthStencil = {1, 0}}};
  const VkRenderPassBeginInfo begin{.sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO,
                                    .renderPass = pass_,
                                    .framebuffer = framebuffers_[image],
                                    .renderArea = {.extent = target_.extent()},
                                    .clearValueCount = 2,
                                    .pClearValues = clear};
  vkCmdBeginRenderPass(commands, &begin, VK_SUBPASS_CONTENTS_INLINE);
  const VkExtent2D extent = target_.extent();
  const VkViewport viewport{0, 0, static_cast<float>(extent.width), static_cast<float>(extent.height), 0, 1};
  const VkRect2D scissor{.extent = extent};
  vkCmdSetViewport(commands, 0, 1, &viewport);
  vkCmdSetScissor(commands, 0, 1, &scissor);
  record_scene(slot, picture);
  if (overlay) overlay_->paint(commands, static_cast<std::size_t>(slot - slots_.data()), *overlay);
  vkCmdEndRenderPass(commands);
  if (timed) vkCmdWriteTimestamp(commands, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, slot->times, 1);
  slot->timed = timed;
}

void Renderer::record_scene(Slot* slot, const Picture& picture) {
  const VkCommandBuffer commands = slot->commands;
  std::size_t count = 0;
  for (const auto& objects : picture.objects) count += objects.size();
  if (slot->instances.size() < count * sizeof(Instance))
    slot->instances = Buffer(*gpu_, 2 * count * sizeof(Instance), VK_BUFFER_USAGE_VERTEX_BUFFER_BIT);
  const ScenePush push{picture.view_projection,
                  {picture.eye.x, picture.eye.y, picture.eye.z, picture.seconds},
                  {picture.light.x, picture.light.y, picture.light.z, 0}};
  vkCmdPushConstants(commands, layout_, kStages, 0, sizeof push, &push);
  const VkBuffer buffers[] = {vertices_.get(), slot->instances.get()};
  const VkDeviceSize offsets[] = {0, 0};
  vkCmdBindVertexBuffers(commands, 0, 2, buffers, offsets);
  vkCmdBindIndexBuffer(commands, indices_.get(), 0, VK_INDEX_TYPE_UINT16);
  std::array<std::uint32_t, kShapes> first{};
  std::uint32_t at = 0;
  for (std::size_t shape = 0; shape < kShapes; ++shape) {
    const std::vector<Instance>& objects = picture.objects[shape];
    first[shape] = at;
    if (!objects.empty())
      std::memcpy(slot->instances.data() + at * sizeof(Instance), objects.data(), objects.size() * sizeof(Instance));
    at += static_cast<std::uint32_t>(objects.size());
  }
  const auto draw = [&](std::size_t shape) {
    const Range& range = ranges_[shape];
    vkCmdDrawIndexed(commands, range.index_count, static_cast<std::uint32_t>(picture.objects[shape].size()),
                     range.first_index, range.first_vertex, first[shape]);
  };
  vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, objects_);
  for (const std::size_t shape : {kBox, kBall, kCone, kPillar, kSpark}) draw(shape);
  vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, shadows_);
  for (const std::size_t shape : {kBox, kBall, kCone, kPillar}) draw(shape);
  vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, ground_);
  draw(kGround);
}

// The image ends in the layout that it had.
void Renderer::record_capture(VkCommandBuffer commands, std::uint32_t image) {
  const VkExtent2D extent = target_.extent();
  const VkDeviceSize bytes = VkDeviceSize{4} * extent.width * extent.height;
  if (captured_.size() != bytes) captured_ = Buffer(*gpu_, bytes, VK_BUFFER_USAGE_TRANSFER_DST_BIT);
  const VkImageLayout layout = target_.final_layout();
  constexpr VkImageLayout kSource = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
  if (layout != kSource) change_layout(commands, target_.image(image), layout, kSource);
  const VkBufferImageCopy copy{.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
                               .imageExtent = {extent.width, extent.height, 1}};
  vkCmdCopyImageToBuffer(commands, target_.image(image), kSource, captured_.get(), 1, &copy);
  if (layout != kSource) change_layout(commands, target_.image(image), kSource, layout);
  const VkMemoryBarrier barrier{.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                                .srcAccessMask = VK_ACCESS_TRANSFER_WRITE_BIT,
                                .dstAccessMask = VK_ACCESS_HOST_READ_BIT};
  vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_TRANSFER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0, nullptr,
                       0, nullptr);
}

std::optional<Screenshot> Renderer::take_screenshot() {
  if (!captured_in_) return {};
  check_vk(vkWaitForFences(gpu_->device(), 1, &slots_[*captured_in_].done, VK_TRUE, UINT64_MAX), "vkWaitForFences");
  captured_in_.reset();
  Screenshot shot{target_.extent(), {}};
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(captured_.data());
  shot.pixels.assign(bytes, bytes + captured_.size());
  if (target_.format() == VK_FORMAT_B8G8R8A8_UNORM)
    for (std::size_t i = 0; i + 2 < shot.pixels.size(); i += 4) std::swap(shot.pixels[i], shot.pixels[i + 2]);
  return shot;
}

}  // namespace pumice_game
