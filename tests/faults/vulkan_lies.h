// What a broken driver may say about itself: one lie at a time, told by the fault layer. Whatever it is, the library
// gives an error or goes on; it does not end its host.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>

namespace pumice::faults {

struct Lie {
  const char* name;
  void (*properties)(VkPhysicalDeviceProperties&);
  void (*memory)(VkPhysicalDeviceMemoryProperties&);
  void (*chained)(VkBaseOutStructure&);  // structs behind VkPhysicalDeviceProperties2
  void (*queue)(VkQueueFamilyProperties&);
  void (*requirements)(VkMemoryRequirements&);
  bool no_queues = false, no_devices = false;
  uint64_t cache_size = 0;  // not 0: of the pipeline cache
  bool computes = true;     // false: no wonder if other tokens come out
};

extern const Lie kLies[];
extern const int kLieCount;

}  // namespace pumice::faults
