// Device features: what the library can use of a device, in one table. From it come what a device offers, what it is
// created with, what a host is told to enable, and what a host's device has.
#pragma once

#include <bitset>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vk/caps.h"
#include "vk/functions.h"

namespace pumice::vk {

// Its header is another one, vulkan_beta.h. None of what a subset may lack is used.
inline constexpr const char* kPortabilitySubset = "VK_KHR_portability_subset";

using ExtensionList = std::vector<VkExtensionProperties>;
bool contains(const ExtensionList& extensions, const char* name);

enum class Feature : uint32_t {
  kTimeline,
  kInt64,
  kBufferAddress,
  kSubgroupSize,
  kFullSubgroups,
  kFloat16,
  kStorage16,
  kMemoryModel,
  kIntegerDot,
  kExecutables,
  kMatrix,
  kMatrixWorkgroup,
  kMatrixFlexible,
  kMatrixReductions,
  kMatrixConversions,
  kMatrixPerElement,
  kMatrixAddressing,
};
constexpr size_t kFeatures = 17;

class FeatureSet : public std::bitset<kFeatures> {
 public:
  bool has(Feature feature) const { return test(static_cast<size_t>(feature)); }
  void add(Feature feature) { set(static_cast<size_t>(feature)); }
  FeatureSet operator&(const FeatureSet& other) const;
  static FeatureSet all();
};

// A member of a feature structure. Where a version of Vulkan's core has it, one of that version's structures has it
// too.
struct FeatureFacts {
  const char* name;       // of the member: "shaderFloat16"
  const char* extension;  // null: in the core of 1.2
  uint32_t core_version;  // whose core has it; 0: none
  VkStructureType type;   // of its structure, and where it is there
  uint32_t bytes, at;
  VkStructureType core_type;  // VkPhysicalDeviceVulkan1xFeatures, and where it is there; MAX_ENUM: in none
  uint32_t core_at;
  bool required;
  const char* brings;     // what it is for
  const char* otherwise;  // what happens without it
};
std::span<const FeatureFacts> feature_facts();  // in the order of Feature

// What the device's driver offers.
FeatureSet offered_features(const InstanceTable& table, VkPhysicalDevice device, const ExtensionList& extensions);
// What a device was created with: the extensions, and the chain behind VkDeviceCreateInfo, which may begin with
// VkPhysicalDeviceFeatures2; `basic`: its pEnabledFeatures, or null.
FeatureSet enabled_features(std::span<const char* const> extensions, const void* chain,
                            const VkPhysicalDeviceFeatures* basic, uint32_t api_version);
// Fills int64 and what follows it in DeviceCaps.
void read_features(const InstanceTable& table, VkPhysicalDevice device, const FeatureSet& features, DeviceCaps& caps);
// What these caps take.
FeatureSet wanted_features(const DeviceCaps& caps);

// A VkDeviceCreateInfo with what these caps take added. Sets members of structures that are chained already, chains the
// others in front, and lists extensions once. What it adds, the lists and the structures, lives as long as it.
class MergedDeviceInfo {
 public:
  MergedDeviceInfo(const VkDeviceCreateInfo& info, const DeviceCaps& caps);
  MergedDeviceInfo(const MergedDeviceInfo&) = delete;
  MergedDeviceInfo& operator=(const MergedDeviceInfo&) = delete;

  const VkDeviceCreateInfo& info() const { return info_; }

 private:
  void enable(const FeatureFacts& feature);
  void add_extension(const char* name);

  VkDeviceCreateInfo info_;
  uint32_t api_version_;
  VkPhysicalDeviceFeatures basic_{};
  std::vector<const char*> extensions_;
  std::vector<std::unique_ptr<std::vector<uint64_t>>> structures_;
};

}  // namespace pumice::vk
