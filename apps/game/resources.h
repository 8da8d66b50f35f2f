// Buffers and images with memory of their own. The device outlives them and has finished with them.
#pragma once

#include <cstddef>

#include "game/gpu.h"

namespace pumice_game {

class Buffer {
 public:
  Buffer() = default;
  // In memory that the host writes or reads.
  Buffer(const Gpu& gpu, VkDeviceSize size, VkBufferUsageFlags usage);
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Buffer();

  VkBuffer get() const { return buffer_; }
  VkDeviceSize size() const { return size_; }
  std::byte* data() const { return static_cast<std::byte*>(data_); }

 private:
  void swap(Buffer& other) noexcept;
  VkDevice device_ = VK_NULL_HANDLE;
  VkBuffer buffer_ = VK_NULL_HANDLE;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;
  VkDeviceSize size_ = 0;
  void* data_ = nullptr;
};

class Image {
 public:
  Image() = default;
  Image(const Gpu& gpu, VkExtent2D extent, VkFormat format, VkImageUsageFlags usage, VkImageAspectFlags aspect);
  Image(Image&& other) noexcept { swap(other); }
  Image& operator=(Image&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Image();

  VkImage get() const { return image_; }
  VkImageView view() const { return view_; }

 private:
  void swap(Image& other) noexcept;
  VkDevice device_ = VK_NULL_HANDLE;
  VkImage image_ = VK_NULL_HANDLE;
  VkDeviceMemory memory_ = VK_NULL_HANDLE;
  VkImageView view_ = VK_NULL_HANDLE;
};

VkImageView create_view(VkDevice device, VkImage image, VkFormat format, VkImageAspectFlags aspect);

// Moves an image of one level from a layout to another, after and before all commands that may touch it.
void change_layout(VkCommandBuffer commands, VkImage image, VkImageLayout from, VkImageLayout to);

}  // namespace pumice_game
