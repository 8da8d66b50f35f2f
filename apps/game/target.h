// What is drawn to: the images of a window, or one image that nobody sees.
#pragma once

#include <vector>

#include "game/resources.h"

namespace pumice_game {

class Target {
 public:
  // extent: without a window, of the image.
  Target(Gpu* gpu, VkExtent2D extent);
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  ~Target();

  VkExtent2D extent() const { return extent_; }
  VkFormat format() const { return format_; }
  VkImageLayout final_layout() const { return final_layout_; }
  bool can_be_read() const { return readable_; }
  std::size_t count() const { return views_.size(); }
  VkImage image(std::size_t i) const { return images_[i]; }
  VkImageView view(std::size_t i) const { return views_[i]; }
  // To be signalled when drawing is done; null: nothing waits for it.
  VkSemaphore drawn(std::size_t i) const { return drawn_.empty() ? VK_NULL_HANDLE : drawn_[i]; }

  // False: the window has another size now, so recreate() first. *waits: whether `acquired` will be signalled.
  bool acquire(VkSemaphore acquired, std::uint32_t* image, bool* waits);
  bool present(std::uint32_t image);
  // False: the window has no area now (minimised). Nothing of it may be in use.
  bool recreate(VkExtent2D wanted);

 private:
  void create_swapchain(const VkSurfaceCapabilitiesKHR& can);
  void create_views();
  void destroy_views();

  Gpu* gpu_;
  VkExtent2D extent_{};
  VkFormat format_ = VK_FORMAT_B8G8R8A8_UNORM;
  VkColorSpaceKHR colour_space_ = VK_COLOR_SPACE_SRGB_NONLINEAR_KHR;
  VkImageLayout final_layout_ = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
  bool readable_ = true;
  VkSwapchainKHR swapchain_ = VK_NULL_HANDLE;
  Image own_;
  std::vector<VkImage> images_;
  std::vector<VkImageView> views_;
  std::vector<VkSemaphore> drawn_;
};

}  // namespace pumice_game
