// Optional device features: reading them into DeviceCaps, and asking for those that the caps keep.
#pragma once

#include <volk.h>

#include <memory>
#include <vector>

#include "vk/caps.h"

namespace pumice::vk {

bool has_extension(VkPhysicalDevice device, const char* name);

// Fills int64 and what follows it in DeviceCaps.
void read_features(VkInstance instance, VkPhysicalDevice device, DeviceCaps& caps);

// The pNext chain and the extensions that a device with these caps is created with. Pointers into it live as long as
// it.
class DeviceFeatures {
 public:
  explicit DeviceFeatures(const DeviceCaps& caps);
  ~DeviceFeatures();

  const void* chain() const;
  const std::vector<const char*>& extensions() const { return extensions_; }

 private:
  friend void read_features(VkInstance, VkPhysicalDevice, DeviceCaps&);
  struct Structs;
  std::unique_ptr<Structs> structs_;
  std::vector<const char*> extensions_;
};

}  // namespace pumice::vk
