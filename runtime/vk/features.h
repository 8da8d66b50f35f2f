// Optional device features: reading them into DeviceCaps, and asking for those that the caps keep.
#pragma once

#include <memory>
#include <vector>

#include "vk/caps.h"
#include "vk/functions.h"

namespace pumice::vk {

using ExtensionList = std::vector<VkExtensionProperties>;
bool contains(const ExtensionList& extensions, const char* name);

// Fills int64 and what follows it in DeviceCaps.
void read_features(const InstanceTable& table, VkPhysicalDevice device, const ExtensionList& extensions,
                   DeviceCaps& caps);

// The pNext chain and the extensions that a device with these caps is created with. Pointers into it live as long as
// it.
class DeviceFeatures {
 public:
  explicit DeviceFeatures(const DeviceCaps& caps);
  ~DeviceFeatures();

  const void* chain() const;
  const std::vector<const char*>& extensions() const { return extensions_; }

 private:
  friend void read_features(const InstanceTable&, VkPhysicalDevice, const ExtensionList&, DeviceCaps&);
  struct Structs;
  std::unique_ptr<Structs> structs_;
  std::vector<const char*> extensions_;
};

}  // namespace pumice::vk
