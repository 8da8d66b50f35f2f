// Kernels: each pipeline is made once, and the reductions that suit a device.
#include "kernels/kernels.h"

#include "support/device_fixture.h"

namespace pumice {
namespace {

vk::DeviceCaps gpu_with(uint32_t subgroup, bool shuffle = true, bool fixed = true) {
  vk::DeviceCaps caps;
  caps.type = vk::DeviceType::kDiscrete;
  caps.subgroup_size = subgroup, caps.subgroup_shuffle = shuffle, caps.fixed_subgroup = fixed;
  caps.max_workgroup_invocations = 1024;
  return caps;
}

struct ReduceCase {
  vk::DeviceCaps caps;
  const char* variant;
  uint32_t workgroup;
  bool full;
};

TEST(ChooseReduce, OneFullSubgroupOrSharedMemory) {
  vk::DeviceCaps few = gpu_with(4);
  few.max_workgroup_invocations = 48;
  const ReduceCase cases[] = {
      {gpu_with(32), "subgroup", 32, true},       {gpu_with(64), "subgroup", 64, true},
      {gpu_with(8), "subgroup", 8, true},         {gpu_with(4), "shared", 64, false},
      {gpu_with(32, false), "shared", 64, false}, {gpu_with(32, true, false), "shared", 64, false},
      {gpu_with(24), "shared", 64, false},        {few, "shared", 32, false}};
  for (const ReduceCase& c : cases) {
    const ReduceChoice choice = choose_reduce(c.caps);
    EXPECT_EQ(choice.variant, c.variant) << c.caps.subgroup_size;
    EXPECT_EQ(choice.workgroup, c.workgroup) << c.caps.subgroup_size;
    EXPECT_EQ(choice.full_subgroups, c.full) << c.caps.subgroup_size;
  }
  vk::DeviceCaps intel = gpu_with(32);
  intel.vendor_id = 0x8086, intel.subgroup_size_control = true;
  intel.min_subgroup_size = 8, intel.max_subgroup_size = 32;
  EXPECT_EQ(choose_reduce(intel), (ReduceChoice{"subgroup", 16, true, 16}));
  intel.min_subgroup_size = intel.max_subgroup_size = 32, intel.subgroup_size_control = false;
  EXPECT_EQ(choose_reduce(intel), (ReduceChoice{"subgroup", 32, true, 0}));
  EXPECT_EQ(choose_wide_reduce(gpu_with(32)).workgroup, 1024u);
  vk::DeviceCaps cpu = gpu_with(8);
  cpu.type = vk::DeviceType::kCpu;
  EXPECT_EQ(choose_wide_reduce(cpu).workgroup, 8u);
}

using KernelsTest = test::DeviceTest;

TEST_F(KernelsTest, MakesEachPipelineOnce) {
  const uint32_t sizes[] = {16, 32};
  const auto a = kernels().pipeline("rms_norm.shared", {sizes, 1}, false);
  const auto b = kernels().pipeline("rms_norm.shared", {sizes + 1, 1}, false);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_NE(*a, *b);
  EXPECT_EQ(*kernels().pipeline("rms_norm.shared", {sizes, 1}, false), *a);
  EXPECT_EQ((*a)->name(), "rms_norm.shared");
  EXPECT_EQ(kernels().pipeline("rms_norm.none", {}, false).error().status, Status::kInternal);
}

}  // namespace
}  // namespace pumice
