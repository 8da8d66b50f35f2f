// The game's Vulkan device: what the renderer draws with, and what it lends to Pumice.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "game/exit_codes.h"
#include "pumice/pumice_vulkan.h"

struct SDL_Window;

namespace pumice_game {

// A call that failed: kExitDeviceLost, kExitOutOfMemory or kExitInternal.
class VulkanFailure : public Failure {
 public:
  VulkanFailure(VkResult result, const char* call);
};
inline void check_vk(VkResult result, const char* call) {
  if (result != VK_SUCCESS) throw VulkanFailure(result, call);
}

struct GpuPlan {
  std::string device;            // an index or a part of the name; empty: the best
  SDL_Window* window = nullptr;  // null: none is drawn to
  bool validate = false;         // with synchronisation
};

class Gpu {
 public:
  // Throws Failure.
  Gpu(PumiceInstance* pumice, const GpuPlan& plan);
  Gpu(const Gpu&) = delete;
  Gpu& operator=(const Gpu&) = delete;
  ~Gpu();

  VkInstance instance() const { return instance_; }
  VkPhysicalDevice physical() const { return physical_; }
  VkDevice device() const { return device_; }
  VkSurfaceKHR surface() const { return surface_; }
  std::uint32_t family() const { return family_; }  // that draws and presents
  const std::string& name() const { return name_; }
  bool is_cpu() const { return cpu_; }
  double timestamp_ns() const { return timestamp_ns_; }  // of a tick; 0: there are no timestamps
  // "the renderer's queue", "a queue of its own": where the model runs.
  const char* model_queue() const;
  int messages() const { return messages_; }  // of the validation layer

  // The renderer's queue; any thread.
  VkResult submit(const VkSubmitInfo& info, VkFence fence);
  VkResult present(const VkPresentInfoKHR& info);
  void wait_queue();  // for all that was submitted to it
  // Waits for all of the device, with no queue in use. Pumice must not be at work.
  void wait_idle();

  // What Pumice takes. Valid as long as this is.
  PumiceVkImport import();
  std::uint32_t memory_type(std::uint32_t allowed, VkMemoryPropertyFlags wanted) const;

 private:
  Gpu() = default;
  void create_instance(const GpuPlan& plan);
  void choose_device(PumiceInstance* pumice, const GpuPlan& plan);
  void choose_queues();
  void create_device(PumiceInstance* pumice);
  bool can_draw(VkPhysicalDevice device, std::uint32_t* family) const;
  static VkBool32 VKAPI_PTR on_message(VkDebugUtilsMessageSeverityFlagBitsEXT, VkDebugUtilsMessageTypeFlagsEXT,
                                       const VkDebugUtilsMessengerCallbackDataEXT* data, void* self);

  VkInstance instance_ = VK_NULL_HANDLE;
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
  VkSurfaceKHR surface_ = VK_NULL_HANDLE;
  VkPhysicalDevice physical_ = VK_NULL_HANDLE;
  VkDevice device_ = VK_NULL_HANDLE;
  VkQueue queue_ = VK_NULL_HANDLE, model_queue_ = VK_NULL_HANDLE;
  std::uint32_t family_ = 0, model_family_ = 0, model_index_ = 0;
  std::string name_;
  bool cpu_ = false;
  double timestamp_ns_ = 0;
  VkPhysicalDeviceMemoryProperties memory_{};
  PumiceVkDeviceInfo* created_with_ = nullptr;
  VkDeviceQueueCreateInfo queues_[2] = {};
  VkDeviceCreateInfo wanted_{};
  std::mutex queue_mutex_;  // of queue_
  std::atomic<int> messages_{0};
};

}  // namespace pumice_game
