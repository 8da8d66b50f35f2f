#include "vk/features.h"

#include <algorithm>
#include <cstddef>
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

constexpr auto kNone = VK_STRUCTURE_TYPE_MAX_ENUM;
constexpr uint32_t k12 = VK_API_VERSION_1_2, k13 = VK_API_VERSION_1_3;

#define PUMICE_OWN(Struct, type, member) type, sizeof(Struct), offsetof(Struct, member)
#define PUMICE_CORE(version, member)                               \
  VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_##version##_FEATURES, \
      offsetof(VkPhysicalDeviceVulkan1##version##Features, member)
#define PUMICE_NO_CORE kNone, 0

#define PUMICE_TWO(member)                                                                                           \
  #member, VK_NV_COOPERATIVE_MATRIX_2_EXTENSION_NAME, 0,                                                             \
      PUMICE_OWN(VkPhysicalDeviceCooperativeMatrix2FeaturesNV,                                                       \
                 VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_FEATURES_NV, member),                        \
      PUMICE_NO_CORE, false, "prefill by matrices of a whole workgroup, on NVIDIA; needs all six of this extension", \
      "matrices of a subgroup"

constexpr const char* kMatrixUse = "prefill on the GPU's matrix units";
constexpr FeatureFacts kFacts[kFeatures] = {
    {"timelineSemaphore", nullptr, k12,
     PUMICE_OWN(VkPhysicalDeviceTimelineSemaphoreFeatures,
                VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES, timelineSemaphore),
     PUMICE_CORE(2, timelineSemaphore), true, "the order of submissions", "the device cannot be used"},
    {"shaderInt64", nullptr, k12,
     PUMICE_OWN(VkPhysicalDeviceFeatures2, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, features.shaderInt64),
     PUMICE_NO_CORE, false, "matrix-vector products on software drivers", "slower ones there"},
    {"bufferDeviceAddress", nullptr, k12,
     PUMICE_OWN(VkPhysicalDeviceBufferDeviceAddressFeatures,
                VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_BUFFER_DEVICE_ADDRESS_FEATURES, bufferDeviceAddress),
     PUMICE_CORE(2, bufferDeviceAddress), false, "matrix products on software drivers", "slower ones there"},
    {"subgroupSizeControl", VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME, k13,
     PUMICE_OWN(VkPhysicalDeviceSubgroupSizeControlFeaturesEXT,
                VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT, subgroupSizeControl),
     PUMICE_CORE(3, subgroupSizeControl), false, "sums over subgroups of a known size",
     "sums through shared memory, which are slower"},
    {"computeFullSubgroups", VK_EXT_SUBGROUP_SIZE_CONTROL_EXTENSION_NAME, k13,
     PUMICE_OWN(VkPhysicalDeviceSubgroupSizeControlFeaturesEXT,
                VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_SIZE_CONTROL_FEATURES_EXT, computeFullSubgroups),
     PUMICE_CORE(3, computeFullSubgroups), false, "the same", "the same"},
    {"shaderFloat16", nullptr, k12,
     PUMICE_OWN(VkPhysicalDeviceShaderFloat16Int8Features,
                VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES, shaderFloat16),
     PUMICE_CORE(2, shaderFloat16), false, "arithmetic in f16; matrices need it", "f32"},
    {"storageBuffer16BitAccess", nullptr, k12,
     PUMICE_OWN(VkPhysicalDevice16BitStorageFeatures, VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES,
                storageBuffer16BitAccess),
     PUMICE_CORE(1, storageBuffer16BitAccess), false, "loads of 16 bits; matrices need it", "pairs of them"},
    {"vulkanMemoryModel", nullptr, k12,
     PUMICE_OWN(VkPhysicalDeviceVulkanMemoryModelFeatures,
                VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_MEMORY_MODEL_FEATURES, vulkanMemoryModel),
     PUMICE_CORE(2, vulkanMemoryModel), false, "matrices need it", "no matrices"},
    {"shaderIntegerDotProduct", VK_KHR_SHADER_INTEGER_DOT_PRODUCT_EXTENSION_NAME, k13,
     PUMICE_OWN(VkPhysicalDeviceShaderIntegerDotProductFeaturesKHR,
                VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_FEATURES_KHR, shaderIntegerDotProduct),
     PUMICE_CORE(3, shaderIntegerDotProduct), false, "products of four bytes at once, with quantised weights", "f32"},
    {"pipelineExecutableInfo", VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME, 0,
     PUMICE_OWN(VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR,
                VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR, pipelineExecutableInfo),
     PUMICE_NO_CORE, false, "the compiler's statistics, in reports alone", "reports without them"},
    {"cooperativeMatrix", VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME, 0,
     PUMICE_OWN(VkPhysicalDeviceCooperativeMatrixFeaturesKHR,
                VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR, cooperativeMatrix),
     PUMICE_NO_CORE, false, kMatrixUse, "prefill at a half to a sixth of the speed"},
    {PUMICE_TWO(cooperativeMatrixWorkgroupScope)},
    {PUMICE_TWO(cooperativeMatrixFlexibleDimensions)},
    {PUMICE_TWO(cooperativeMatrixReductions)},
    {PUMICE_TWO(cooperativeMatrixConversions)},
    {PUMICE_TWO(cooperativeMatrixPerElementOperations)},
    {PUMICE_TWO(cooperativeMatrixTensorAddressing)},
};

#undef PUMICE_OWN
#undef PUMICE_CORE
#undef PUMICE_NO_CORE
#undef PUMICE_TWO

constexpr Feature kMatrix2[] = {Feature::kMatrixWorkgroup,   Feature::kMatrixFlexible,   Feature::kMatrixReductions,
                                Feature::kMatrixConversions, Feature::kMatrixPerElement, Feature::kMatrixAddressing};

VkBaseOutStructure* find(const void* chain, VkStructureType type) {
  // A host may write to what it chains; the chain's constness is Vulkan's spelling.
  auto* next = static_cast<VkBaseOutStructure*>(const_cast<void*>(chain));
  while (next && next->sType != type) next = next->pNext;
  return next;
}

VkBool32& member(void* structure, uint32_t at) {
  return *reinterpret_cast<VkBool32*>(static_cast<std::byte*>(structure) + at);
}

// A zeroed structure of this type, in front of the chain.
std::unique_ptr<std::vector<uint64_t>> new_structure(VkStructureType type, uint32_t bytes, const void* chain) {
  auto made = std::make_unique<std::vector<uint64_t>>((bytes + 7) / 8);
  auto* const structure = reinterpret_cast<VkBaseOutStructure*>(made->data());
  structure->sType = type;
  structure->pNext = static_cast<VkBaseOutStructure*>(const_cast<void*>(chain));
  return made;
}

bool listed(std::span<const char* const> names, const char* name) {
  return std::any_of(names.begin(), names.end(), [&](const char* one) { return std::strcmp(one, name) == 0; });
}

}  // namespace

bool contains(const ExtensionList& extensions, const char* name) {
  return std::any_of(extensions.begin(), extensions.end(), [&](const VkExtensionProperties& e) {
    return std::strncmp(e.extensionName, name, sizeof e.extensionName) == 0;
  });
}

FeatureSet FeatureSet::operator&(const FeatureSet& other) const {
  FeatureSet both = *this;
  both &= other;
  return both;
}

FeatureSet FeatureSet::all() {
  FeatureSet all;
  all.set();
  return all;
}

std::span<const FeatureFacts> feature_facts() { return kFacts; }

FeatureSet offered_features(const InstanceTable& table, VkPhysicalDevice device, const ExtensionList& extensions) {
  VkPhysicalDeviceFeatures2 basic{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2};
  std::vector<std::unique_ptr<std::vector<uint64_t>>> structures;
  const auto there = [&](const FeatureFacts& f) { return !f.extension || contains(extensions, f.extension); };
  for (const FeatureFacts& feature : kFacts) {
    if (!there(feature) || find(&basic, feature.type)) continue;
    structures.push_back(new_structure(feature.type, feature.bytes, basic.pNext));
    basic.pNext = structures.back()->data();
  }
  table.vkGetPhysicalDeviceFeatures2(device, &basic);
  FeatureSet offered;
  for (size_t i = 0; i < kFeatures; ++i)
    if (there(kFacts[i]) && member(find(&basic, kFacts[i].type), kFacts[i].at)) offered.set(i);
  return offered;
}

FeatureSet enabled_features(std::span<const char* const> extensions, const void* chain,
                            const VkPhysicalDeviceFeatures* basic, uint32_t api_version) {
  FeatureSet enabled;
  for (size_t i = 0; i < kFeatures; ++i) {
    const FeatureFacts& feature = kFacts[i];
    const bool known = !feature.extension || listed(extensions, feature.extension) ||
                       (feature.core_version && api_version >= feature.core_version);
    VkBaseOutStructure* const own = find(chain, feature.type);
    VkBaseOutStructure* const core = feature.core_type == kNone ? nullptr : find(chain, feature.core_type);
    if (known && ((own && member(own, feature.at)) || (core && member(core, feature.core_at)))) enabled.set(i);
  }
  if (basic && basic->shaderInt64) enabled.add(Feature::kInt64);
  return enabled;
}

void read_features(const InstanceTable& table, VkPhysicalDevice device, const FeatureSet& features, DeviceCaps& caps) {
  caps.int64 = features.has(Feature::kInt64);
  caps.buffer_address = features.has(Feature::kBufferAddress) && caps.type == DeviceType::kCpu;
  caps.float16 = features.has(Feature::kFloat16);
  caps.storage16 = features.has(Feature::kStorage16);
  caps.executable_properties = features.has(Feature::kExecutables);
  caps.integer_dot = features.has(Feature::kIntegerDot);
  if (caps.integer_dot) {
    VkPhysicalDeviceShaderIntegerDotProductPropertiesKHR dot{
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_INTEGER_DOT_PRODUCT_PROPERTIES_KHR};
    VkPhysicalDeviceProperties2 properties{.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &dot};
    table.vkGetPhysicalDeviceProperties2(device, &properties);
    caps.integer_dot_accelerated = dot.integerDotProduct4x8BitPackedSignedAccelerated;
  }
  if (features.has(Feature::kMatrix) && features.has(Feature::kMemoryModel) && caps.float16 && caps.storage16)
    caps.cooperative_matrices = read_cooperative_matrices(table, device);
  caps.cooperative_matrix2 = !caps.cooperative_matrices.empty() &&
                             std::ranges::all_of(kMatrix2, [&](Feature feature) { return features.has(feature); });
}

FeatureSet wanted_features(const DeviceCaps& caps) {
  FeatureSet wanted;
  const auto want = [&](bool is, std::initializer_list<Feature> features) {
    if (is)
      for (const Feature feature : features) wanted.add(feature);
  };
  const bool matrices = !caps.cooperative_matrices.empty();
  want(true, {Feature::kTimeline});
  want(caps.int64, {Feature::kInt64});
  want(caps.buffer_address, {Feature::kBufferAddress});
  want(caps.fixed_subgroup, {Feature::kSubgroupSize, Feature::kFullSubgroups});
  want(caps.float16, {Feature::kFloat16});
  want(caps.storage16, {Feature::kStorage16});
  want(caps.integer_dot, {Feature::kIntegerDot});
  want(caps.executable_properties, {Feature::kExecutables});
  want(matrices, {Feature::kMemoryModel, Feature::kMatrix});
  if (caps.cooperative_matrix2)
    for (const Feature feature : kMatrix2) wanted.add(feature);
  return wanted;
}

MergedDeviceInfo::MergedDeviceInfo(const VkDeviceCreateInfo& info, const DeviceCaps& caps)
    : info_(info),
      extensions_(info.ppEnabledExtensionNames, info.ppEnabledExtensionNames + info.enabledExtensionCount) {
  if (info.pEnabledFeatures) {
    basic_ = *info.pEnabledFeatures;
    info_.pEnabledFeatures = &basic_;
  }
  const FeatureSet features = wanted_features(caps);
  for (size_t i = 0; i < kFeatures; ++i)
    if (features.test(i)) enable(kFacts[i]);
  if (caps.portability_subset) add_extension(kPortabilitySubset);
  info_.enabledExtensionCount = static_cast<uint32_t>(extensions_.size());
  info_.ppEnabledExtensionNames = extensions_.data();
}

void MergedDeviceInfo::enable(const FeatureFacts& feature) {
  VkBaseOutStructure* const core = feature.core_type == kNone ? nullptr : find(info_.pNext, feature.core_type);
  if (core) {
    member(core, feature.core_at) = VK_TRUE;
    return;
  }
  if (feature.extension) add_extension(feature.extension);
  if (feature.type == VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2 && info_.pEnabledFeatures) {
    basic_.shaderInt64 = VK_TRUE;
    return;
  }
  void* structure = find(info_.pNext, feature.type);
  if (!structure) {
    structures_.push_back(new_structure(feature.type, feature.bytes, info_.pNext));
    info_.pNext = structure = structures_.back()->data();
  }
  member(structure, feature.at) = VK_TRUE;
}

void MergedDeviceInfo::add_extension(const char* name) {
  if (!listed(extensions_, name)) extensions_.push_back(name);
}

}  // namespace pumice::vk
