#include "game/target.h"

#include <algorithm>

namespace pumice_game {

namespace {

constexpr VkImageUsageFlags kUsage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT;

// Eight bits a channel whose values are shown as they are: shaders and overlay write such.
VkSurfaceFormatKHR choose_format(const Gpu& gpu) {
  std::uint32_t count = 0;
  vkGetPhysicalDeviceSurfaceFormatsKHR(gpu.physical(), gpu.surface(), &count, nullptr);
  std::vector<VkSurfaceFormatKHR> all(count);
  vkGetPhysicalDeviceSurfaceFormatsKHR(gpu.physical(), gpu.surface(), &count, all.data());
  for (const VkSurfaceFormatKHR& one : all)
    if (one.format == VK_FORMAT_B8G8R8A8_UNORM || one.format == VK_FORMAT_R8G8B8A8_UNORM) return one;
  throw Failure(kExitNoDevice, "the window system offers no format of 8 bits a channel on " + gpu.name());
}

}  // namespace

Target::Target(Gpu* gpu, VkExtent2D extent) : gpu_(gpu) {
  if (gpu->surface()) {
    const VkSurfaceFormatKHR chosen = choose_format(*gpu);
    format_ = chosen.format;
    colour_space_ = chosen.colorSpace;
    final_layout_ = VK_IMAGE_LAYOUT_PRESENT_SRC_KHR;
  }
  recreate(extent);
}

Target::~Target() {
  destroy_views();
  if (swapchain_) vkDestroySwapchainKHR(gpu_->device(), swapchain_, nullptr);
}

void Target::destroy_views() {
  for (VkImageView view : views_) vkDestroyImageView(gpu_->device(), view, nullptr);
  for (VkSemaphore semaphore : drawn_) vkDestroySemaphore(gpu_->device(), semaphore, nullptr);
  views_.clear();
  drawn_.clear();
}

bool Target::recreate(VkExtent2D wanted) {
  if (!gpu_->surface()) {
    destroy_views();
    extent_ = wanted;
    own_ = Image(*gpu_, extent_, format_, kUsage, VK_IMAGE_ASPECT_COLOR_BIT);
    images_ = {own_.get()};
    create_views();
    return true;
  }
  VkSurfaceCapabilitiesKHR can;
  const VkResult asked = vkGetPhysicalDeviceSurfaceCapabilitiesKHR(gpu_->physical(), gpu_->surface(), &can);
  check_vk(asked, "vkGetPhysicalDeviceSurfaceCapabilitiesKHR");
  if (can.currentExtent.width != UINT32_MAX) wanted = can.currentExtent;
  wanted.width = std::clamp(wanted.width, can.minImageExtent.width, can.maxImageExtent.width);
  wanted.height = std::clamp(wanted.height, can.minImageExtent.height, can.maxImageExtent.height);
  if (wanted.width == 0 || wanted.height == 0) return false;
  extent_ = wanted;
  destroy_views();
  create_swapchain(can);
  create_views();
  return true;
}

void Target::create_swapchain(const VkSurfaceCapabilitiesKHR& can) {
  readable_ = (can.supportedUsageFlags & VK_IMAGE_USAGE_TRANSFER_SRC_BIT) != 0;
  const std::uint32_t most = can.maxImageCount == 0 ? UINT32_MAX : can.maxImageCount;
  const VkSwapchainCreateInfoKHR info{
      .sType = VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR,
      .surface = gpu_->surface(),
      .minImageCount = std::min(can.minImageCount + 1, most),
      .imageFormat = format_,
      .imageColorSpace = colour_space_,
      .imageExtent = extent_,
      .imageArrayLayers = 1,
      .imageUsage = kUsage & (can.supportedUsageFlags | VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT),
      .preTransform = can.currentTransform,
      .compositeAlpha = (can.supportedCompositeAlpha & VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR) != 0
                            ? VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR
                            : VK_COMPOSITE_ALPHA_INHERIT_BIT_KHR,
      .presentMode = VK_PRESENT_MODE_FIFO_KHR,
      .clipped = VK_TRUE,
      .oldSwapchain = swapchain_};
  const VkSwapchainKHR old = swapchain_;
  swapchain_ = VK_NULL_HANDLE;
  const VkResult created = vkCreateSwapchainKHR(gpu_->device(), &info, nullptr, &swapchain_);
  if (old) vkDestroySwapchainKHR(gpu_->device(), old, nullptr);
  check_vk(created, "vkCreateSwapchainKHR");
  std::uint32_t count = 0;
  check_vk(vkGetSwapchainImagesKHR(gpu_->device(), swapchain_, &count, nullptr), "vkGetSwapchainImagesKHR");
  images_.resize(count);
  check_vk(vkGetSwapchainImagesKHR(gpu_->device(), swapchain_, &count, images_.data()), "vkGetSwapchainImagesKHR");
}

void Target::create_views() {
  for (const VkImage image : images_) {
    views_.push_back(create_view(gpu_->device(), image, format_, VK_IMAGE_ASPECT_COLOR_BIT));
    if (!swapchain_) continue;
    const VkSemaphoreCreateInfo info{.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
    drawn_.push_back(VK_NULL_HANDLE);
    check_vk(vkCreateSemaphore(gpu_->device(), &info, nullptr, &drawn_.back()), "vkCreateSemaphore");
  }
}

bool Target::acquire(VkSemaphore acquired, std::uint32_t* image, bool* waits) {
  *image = 0;
  *waits = swapchain_ != VK_NULL_HANDLE;
  if (!swapchain_) return !gpu_->surface();  // a window that began without an area
  const VkResult result =
      vkAcquireNextImageKHR(gpu_->device(), swapchain_, UINT64_MAX, acquired, VK_NULL_HANDLE, image);
  if (result == VK_ERROR_OUT_OF_DATE_KHR) return false;
  if (result != VK_SUBOPTIMAL_KHR) check_vk(result, "vkAcquireNextImageKHR");
  return true;
}

bool Target::present(std::uint32_t image) {
  if (!swapchain_) return true;
  const VkPresentInfoKHR info{.sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
                              .waitSemaphoreCount = 1,
                              .pWaitSemaphores = &drawn_[image],
                              .swapchainCount = 1,
                              .pSwapchains = &swapchain_,
                              .pImageIndices = &image};
  const VkResult result = gpu_->present(info);
  if (result == VK_ERROR_OUT_OF_DATE_KHR || result == VK_SUBOPTIMAL_KHR) return false;
  check_vk(result, "vkQueuePresentKHR");
  return true;
}

}  // namespace pumice_game
