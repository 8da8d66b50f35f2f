// device_policy: what a vendor or a kind of device changes, and that nothing else changes anything.
#include "kernels/device_policy.h"

#include <gtest/gtest.h>

namespace pumice::device_policy_test {

vk::DeviceCaps caps_of(vk::DeviceType type, uint32_t vendor = 0) {
  vk::DeviceCaps caps;
  caps.type = type, caps.vendor_id = vendor;
  caps.subgroup_size = 32, caps.min_subgroup_size = 8, caps.max_subgroup_size = 64;
  caps.subgroup_size_control = caps.fixed_subgroup = caps.subgroup_shuffle = caps.int64 = true;
  return caps;
}

TEST(DevicePolicy, UnknownGpusGetTheDefaults) {
  const DevicePolicy defaults, policy = device_policy(caps_of(vk::DeviceType::kIntegrated, 0x1234));
  EXPECT_EQ(policy.reduce_subgroup, 32u);
  EXPECT_EQ(policy.attention_subgroup, 0u);
  EXPECT_EQ(policy.matrix_subgroup, 32u);
  EXPECT_TRUE(policy.matrix_ahead);
  EXPECT_EQ(policy.most_matvec_cols, defaults.most_matvec_cols);
  EXPECT_EQ(policy.matmul_workgroups, defaults.matmul_workgroups);
  EXPECT_FALSE(policy.matvec_only || policy.matvec_by_lanes || policy.attention_by_lanes);
  EXPECT_GT(device_policy(caps_of(vk::DeviceType::kDiscrete)).matmul_workgroups, defaults.matmul_workgroups);
}

TEST(DevicePolicy, CompilersWithFewRegistersGetNarrowerSubgroupsAndFewerSums) {
  const DevicePolicy defaults, intel = device_policy(caps_of(vk::DeviceType::kDiscrete, 0x8086));
  EXPECT_EQ(intel.reduce_subgroup, 16u);
  EXPECT_EQ(intel.attention_subgroup, 8u);
  EXPECT_EQ(intel.matvec_cols_subgroup, 8u);
  EXPECT_LT(intel.most_dot_sums, defaults.most_dot_sums);
  EXPECT_EQ(intel.attention_matrix_shares, 4u);
  vk::DeviceCaps xe2 = caps_of(vk::DeviceType::kDiscrete, 0x8086);
  xe2.min_subgroup_size = 16;
  EXPECT_EQ(device_policy(xe2).attention_matrix_shares, 2u);
  EXPECT_TRUE(device_policy(xe2).matrix_rows_kept);
  const DevicePolicy qualcomm = device_policy(caps_of(vk::DeviceType::kIntegrated, 0x5143));
  EXPECT_EQ(qualcomm.reduce_subgroup, 64u);
  EXPECT_LT(qualcomm.most_matvec_cols, defaults.most_matvec_cols);
}

TEST(DevicePolicy, MatricesTakeTheSubgroupsThatReadLeast) {
  vk::DeviceCaps amd = caps_of(vk::DeviceType::kDiscrete, 0x1002);
  EXPECT_EQ(device_policy(amd).matrix_subgroup, amd.min_subgroup_size);
  amd.cooperative_matrices = {{.m = 16, .n = 16, .k = 16, .a = vk::ComponentType::kBF16}};
  EXPECT_EQ(device_policy(amd).matrix_subgroup, amd.subgroup_size) << "RDNA4";
  EXPECT_TRUE(device_policy(amd).matrix_ahead);
  EXPECT_FALSE(device_policy(amd).matrix_rows_kept);
  EXPECT_FALSE(device_policy(amd).matvec_wide_ahead);
  amd.integer_dot_accelerated = true;
  EXPECT_TRUE(device_policy(amd).matvec_wide_ahead) << "RDNA2 and later";
  const vk::DeviceCaps intel = caps_of(vk::DeviceType::kDiscrete, 0x8086);
  EXPECT_EQ(device_policy(intel).matrix_subgroup, intel.min_subgroup_size);
  EXPECT_FALSE(device_policy(intel).matrix_ahead);
  EXPECT_FALSE(device_policy(intel).matrix_rows_kept);
  vk::DeviceCaps nvidia = caps_of(vk::DeviceType::kDiscrete, 0x10de);
  EXPECT_TRUE(device_policy(nvidia).matrix_ahead);
  nvidia.driver_id = 24;
  EXPECT_FALSE(device_policy(nvidia).matrix_ahead) << "NVK";
}

TEST(DevicePolicy, SoftwareDriversTakeLanesWhereTheirCompilerAndVectorsAllow) {
  vk::DeviceCaps caps = caps_of(vk::DeviceType::kCpu);
  caps.subgroup_size = 8;
  caps.driver_major = 25;
  EXPECT_TRUE(device_policy(caps).matvec_by_lanes);
  EXPECT_FALSE(device_policy(caps).many_registers || device_policy(caps).attention_by_lanes);
  caps.driver_major = 26;
  EXPECT_TRUE(device_policy(caps).attention_by_lanes);
  caps.subgroup_size = 32;
  EXPECT_FALSE(device_policy(caps).attention_by_lanes || device_policy(caps).matvec_by_lanes);
  EXPECT_TRUE(device_policy(caps).matvec_only);
}

}  // namespace pumice::device_policy_test
