// The catalogue of pipelines: it has what the wrappers take, for every kind of device, and each once.
#include "model/catalogue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "kernels/weights.h"
#include "support/slice.h"
#include "vk/embedded_shaders.h"
#include "vk/spirv_reflect.h"

namespace pumice::catalogue_test {

vk::DeviceCaps gpu(uint32_t subgroup, uint32_t least, uint32_t most) {
  vk::DeviceCaps caps;
  caps.type = vk::DeviceType::kDiscrete;
  caps.subgroup_size = subgroup, caps.min_subgroup_size = least, caps.max_subgroup_size = most;
  caps.subgroup_shuffle = caps.fixed_subgroup = true;
  caps.subgroup_size_control = least != most;
  caps.max_workgroup_invocations = 1024, caps.max_shared_bytes = 32768;
  return caps;
}

vk::DeviceCaps cpu() {
  vk::DeviceCaps caps = gpu(8, 8, 8);
  caps.type = vk::DeviceType::kCpu;
  caps.driver_major = 26;
  return caps;
}

std::string kernel_of(const CataloguedPipeline& entry) {
  return std::string(entry.key.shader.name().substr(0, entry.key.shader.name().find('.')));
}

// But for what benchmarks or adapters alone use, and what only some builds and devices have.
bool belongs_to_models(const std::string& kernel) {
  return kernel != "roof" && kernel != "lora" && !kernel.starts_with("quantize") && !kernel.starts_with("matmul") &&
         !kernel.ends_with("_dot") && !kernel.ends_with("_coopmat");
}

TEST(Catalogue, HasEveryKernelAndEveryType) {
  std::set<std::string> kernels, built;
  vk::DeviceCaps capable_cpu = cpu();
  capable_cpu.int64 = true;
  for (const vk::DeviceCaps& caps : {gpu(32, 32, 32), cpu(), capable_cpu}) {
    std::set<std::string> variants;
    std::set<PipelineKey> keys;
    for (const CataloguedPipeline& entry : pipeline_catalogue(caps, false)) {
      if (belongs_to_models(kernel_of(entry))) kernels.insert(kernel_of(entry));
      variants.insert(std::string(entry.key.shader.name()));
      EXPECT_TRUE(keys.insert(entry.key).second) << entry.key.shader.name() << " is listed twice";
      EXPECT_TRUE(entry.key.shader.built()) << entry.key.shader.name();
      EXPECT_EQ(entry.candidate, 0u);
      EXPECT_FALSE(entry.use.empty());
    }
    for (uint32_t type = 0; type < kWeightTypes; ++type)
      EXPECT_TRUE(std::any_of(variants.begin(), variants.end(), [&](const std::string& variant) {
        return variant.starts_with("matvec") && variant.ends_with(std::string(".") + weight_variant(type));
      })) << weight_variant(type);
  }
  for (const EmbeddedShader& shader : embedded_shaders()) {
    const std::string kernel(shader.name.substr(0, shader.name.find('.')));
    if (belongs_to_models(kernel)) built.insert(kernel);
  }
  EXPECT_EQ(kernels, built);
}

TEST(Catalogue, CandidatesAddOtherSubgroupSizesAndVariants) {
  const vk::DeviceCaps caps = gpu(32, 32, 64);
  const auto choices = pipeline_catalogue(caps, false), all = pipeline_catalogue(caps, true);
  EXPECT_GT(all.size(), choices.size());
  std::set<uint32_t> sizes;
  bool shared = false;
  for (const CataloguedPipeline& entry : all) {
    if (entry.candidate > 0 && kernel_of(entry) == "matvec") sizes.insert(entry.key.subgroup_size);
    shared = shared || (entry.candidate > 0 && entry.key.shader.name().starts_with("matvec.shared"));
  }
  EXPECT_TRUE(sizes.contains(64)) << "no candidate demands the other subgroup size";
  EXPECT_TRUE(shared);
  for (const CataloguedPipeline& entry : choices) EXPECT_EQ(entry.key.subgroup_size, 0u);
}

// What the driver is not asked to check.
TEST(Catalogue, FitsWhatTheDeviceHas) {
  PUMICE_SLICE(0);
  for (const vk::DeviceCaps& caps : {gpu(32, 32, 64), gpu(64, 64, 64), gpu(16, 8, 32), cpu()})
    for (const CataloguedPipeline& entry : pipeline_catalogue(caps, true)) {
      const auto shader = vk::reflect(*spirv_of(*find_embedded_shader(entry.key.shader.name())), entry.key.constants);
      ASSERT_TRUE(shader.ok());
      EXPECT_LE(shader->shared_bytes, caps.max_shared_bytes) << entry.key.shader.name() << " of " << entry.use;
      EXPECT_LE(shader->invocations(), caps.max_workgroup_invocations)
          << entry.key.shader.name() << " of " << entry.use;
      if (entry.key.full_subgroups) {
        const uint32_t size = entry.key.subgroup_size ? entry.key.subgroup_size : caps.subgroup_size;
        EXPECT_EQ(shader->local_size[0] % size, 0u) << entry.key.shader.name() << " of " << entry.use;
      }
    }
}

TEST(Catalogue, DecodeProductsAreMarked) {
  const auto all = pipeline_catalogue(gpu(32, 32, 32), false);
  EXPECT_GE(std::count_if(all.begin(), all.end(), [](const CataloguedPipeline& entry) { return entry.decode; }),
            3 * kWeightTypes)
      << "three forms of each type";
  for (const CataloguedPipeline& entry : all) {
    if (entry.decode) {
      EXPECT_EQ(kernel_of(entry), "matvec");
    }
  }
}

// A recorder with a list records nothing; the recorder's candidate is the one that is listed.
TEST(RecordList, ListsInsteadOfRecording) {
  Kernels kernels(gpu(32, 32, 64));
  vk::CommandStream nothing;
  const auto candidates = reduce_candidates(kernels.caps());
  ASSERT_GE(candidates.size(), 3u);
  EXPECT_EQ(candidates.front(), choose_reduce(kernels.caps()));
  const TuningKey key{.rows = 8, .cols = 8};
  RecordList list;
  EXPECT_EQ(pick_candidate({kernels, nothing, &list}, key, 5), 0u);
  EXPECT_EQ(pick_candidate({kernels, nothing, &list, 3}, key, 5), 3u);
  EXPECT_EQ(pick_candidate({kernels, nothing, &list, 9}, key, 5), 4u);
  ASSERT_EQ(list.choices.size(), 1u);
  EXPECT_EQ(list.choices.at(key), 5u);
  kernels.tuning().set(key, {.candidate = 2, .count = 5});
  EXPECT_EQ(pick_candidate({kernels, nothing}, key, 5), 2u);
  EXPECT_EQ(pick_candidate({kernels, nothing}, key, 6), 0u) << "measured among other candidates";
}

}  // namespace pumice::catalogue_test
