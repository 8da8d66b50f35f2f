#include "vk/features.h"

#include <algorithm>
#include <cstring>

#include "vk/enumerate.h"

namespace pumice::vk {
namespace {

ComponentType component_of(VkComponentTypeKHR type) {
  constexpr uint32_t kBfloat16 = 1000141000;  // VK_COMPONENT_TYPE_BFLOAT16_KHR, which older headers lack
  if (static_cast<uint32_t>(type) == kBfloat16) return ComponentType::kBF16;
  switch (type) {
    case VK_COMPONENT_TYPE_FLOAT16_KHR:
      return ComponentType::kF16;
    case VK_COMPONENT_TYPE_FLOAT32_KHR:
      return ComponentType::kF32;
    case VK_COMPONENT_TYPE_SINT8_KHR:
      return ComponentType::kS8;
    case VK_COMPONENT_TYPE_UINT8_KHR:
      return ComponentType::kU8;
    case VK_COMPONENT_TYPE_SINT32_KHR:
      return ComponentType::kS32;
    case VK_COMPONENT_TYPE_UINT32_KHR:
      return ComponentType::kU32;
    default:
      return ComponentType::kOther;
  }
}

// The sizes that one subgroup computes. A driver that cannot list them has none.
std::vector<CooperativeMatrix> read_cooperative_matrices(const InstanceTable& table, VkPhysicalDevice device) {
  const auto read = table.vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR;
  if (!read) return {};
  const auto properties = enumerate<VkCooperativeMatrixPropertiesKHR>(
      "vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR",
      [&](uint32_t* count, VkCooperativeMatrixPropertiesKHR* list) { return read(device, count, list); },
      {.sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR});
  if (!properties) return {};
  std::vector<CooperativeMatrix> matrices;
  for (const VkCooperativeMatrixPropertiesKHR& p : *properties)
    if (p.scope == VK_SCOPE_SUBGROUP_KHR && !p.saturatingAccumulation)
      matrices.push_back({.m = p.MSize,
                          .n = p.NSize,
                          .k = p.KSize,
                          .a = component_of(p.AType),
                          .b = component_of(p.BType),
                          .c = component_of(p.CType),
                          .result = component_of(p.ResultType)});
  return matrices;
}

// Puts a structure at the head of a chain.
template <typename Struct>
void link(void*& chain, Struct& next) {
  next.pNext = chain;
  chain = &next;
}

}  // namespace

struct DeviceFeatures::Structs {
  VkPhysicalDeviceFeatures2 basic{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
  VkPhysicalDeviceTimelineSemaphoreFeatures timeline{.sType =
                                                         VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES};
  VkPhysicalDeviceSubgroupSizeControlFeaturesEXT subgroups{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT};
  VkPhysicalDeviceShaderFloat16Int8Features float16{.sType =
                                                        VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES};
  VkPhysicalDevice16BitStorageFeatures storage16{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES};
  VkPhysicalDeviceVulkanMemoryModelFeatures memory_model{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES};
  VkPhysicalDeviceShaderIntegerDotProductFeaturesKHR integer_dot{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES_KHR};
  VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR executables{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR};
  VkPhysicalDeviceCooperativeMatrixFeaturesKHR matrices{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR};
  VkPhysicalDeviceCooperativeMatrix2FeaturesNV matrices2{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_FEATURES_NV};
  void* chain = nullptr;
};

bool contains(const ExtensionList& extensions, const char* name) {
  return std::any_of(extensions.begin(), extensions.end(), [&](const VkExtensionProperties& e) {
    return std::strncmp(e.extensionName, name, sizeof e.extensionName) == 0;
  });
}

void read_features(const InstanceTable& table, VkPhysicalDevice device, const ExtensionList& extensions,
                   DeviceCaps& caps) {
  DeviceFeatures::Structs known;
  void* chain = nullptr;
  link(chain, known.float16);
  link(chain, known.storage16);
  link(chain, known.memory_model);
  if (contains(extensions, VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME)) link(chain, known.integer_dot);
  if (contains(extensions, VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME)) link(chain, known.executables);
  if (contains(extensions, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME)) link(chain, known.matrices);
  if (contains(extensions, VK_NV_COOPERATIVE_MATRIX_2_EXTENSION_NAME)) link(chain, known.matrices2);
  VkPhysicalDeviceFeatures2 features{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = chain};
  table.vkGetPhysicalDeviceFeatures2(device, &features);

  caps.int64 = features.features.shaderInt64;
  caps.float16 = known.float16.shaderFloat16;
  caps.storage16 = known.storage16.storageBuffer16BitAccess;
  caps.executable_properties = known.executables.pipelineExecutableInfo;
  caps.integer_dot = known.integer_dot.shaderIntegerDotProduct;
  caps.external_memory_host = contains(extensions, VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);

  VkPhysicalDeviceExternalMemoryHostPropertiesEXT host{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_EXTERNAL_MEMORY_HOST_PROPERTIES_EXT};
  VkPhysicalDeviceShaderIntegerDotProductPropertiesKHR dot{
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_PROPERTIES_KHR};
  chain = nullptr;
  if (caps.external_memory_host) link(chain, host);
  if (caps.integer_dot) link(chain, dot);
  VkPhysicalDeviceProperties2 properties{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = chain};
  table.vkGetPhysicalDeviceProperties2(device, &properties);
  caps.host_import_alignment = host.minImportedHostPointerAlignment;
  caps.integer_dot_accelerated = dot.integerDotProduct4x8BitPackedSignedAccelerated;

  if (known.matrices.cooperativeMatrix && known.memory_model.vulkanMemoryModel && caps.float16 && caps.storage16)
    caps.cooperative_matrices = read_cooperative_matrices(table, device);
  const VkPhysicalDeviceCooperativeMatrix2FeaturesNV& two = known.matrices2;
  caps.cooperative_matrix2 = !caps.cooperative_matrices.empty() && two.cooperativeMatrixWorkgroupScope &&
                             two.cooperativeMatrixFlexibleDimensions && two.cooperativeMatrixReductions &&
                             two.cooperativeMatrixConversions && two.cooperativeMatrixPerElementOperations &&
                             two.cooperativeMatrixTensorAddressing;
}

DeviceFeatures::DeviceFeatures(const DeviceCaps& caps) : structs_(std::make_unique<Structs>()) {
  Structs& s = *structs_;
  s.timeline.timelineSemaphore = VK_TRUE;
  link(s.chain, s.timeline);
  s.basic.features.shaderInt64 = caps.int64;
  link(s.chain, s.basic);
  const auto enable = [&](bool wanted, const char* extension, auto& next, auto... members) {
    if (!wanted) return;
    if (extension) extensions_.push_back(extension);
    ((next.*members = VK_TRUE), ...);
    link(s.chain, next);
  };
  using Subgroups = VkPhysicalDeviceSubgroupSizeControlFeaturesEXT;
  enable(caps.fixed_subgroup, VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME, s.subgroups, &Subgroups::subgroupSizeControl,
         &Subgroups::computeFullSubgroups);
  enable(caps.float16, nullptr, s.float16, &VkPhysicalDeviceShaderFloat16Int8Features::shaderFloat16);
  enable(caps.storage16, nullptr, s.storage16, &VkPhysicalDevice16BitStorageFeatures::storageBuffer16BitAccess);
  enable(caps.integer_dot, VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME, s.integer_dot,
         &VkPhysicalDeviceShaderIntegerDotProductFeaturesKHR::shaderIntegerDotProduct);
  enable(caps.executable_properties, VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME, s.executables,
         &VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR::pipelineExecutableInfo);
  if (caps.external_memory_host) extensions_.push_back(VK_EXT_EXTERNAL_MEMORY_HOST_EXTENSION_NAME);
  const bool matrices = !caps.cooperative_matrices.empty();
  enable(matrices, nullptr, s.memory_model, &VkPhysicalDeviceVulkanMemoryModelFeatures::vulkanMemoryModel);
  enable(matrices, VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME, s.matrices,
         &VkPhysicalDeviceCooperativeMatrixFeaturesKHR::cooperativeMatrix);
  using Two = VkPhysicalDeviceCooperativeMatrix2FeaturesNV;
  enable(caps.cooperative_matrix2, VK_NV_COOPERATIVE_MATRIX_2_EXTENSION_NAME, s.matrices2,
         &Two::cooperativeMatrixWorkgroupScope, &Two::cooperativeMatrixFlexibleDimensions,
         &Two::cooperativeMatrixReductions, &Two::cooperativeMatrixConversions,
         &Two::cooperativeMatrixPerElementOperations, &Two::cooperativeMatrixTensorAddressing);
}

DeviceFeatures::~DeviceFeatures() = default;

const void* DeviceFeatures::chain() const { return structs_->chain; }

}  // namespace pumice::vk
