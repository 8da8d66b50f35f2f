// What is believed of a driver: sane numbers stay, those that cannot be are cut, or the device is unusable and says
// why.
#include "vk/caps.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

namespace pumice::vk::caps_test {

DeviceCaps sane() {
  DeviceCaps caps;
  caps.name = "card";
  caps.memory_bytes = uint64_t{8} << 30;
  caps.budget_bytes = uint64_t{7} << 30;
  caps.subgroup_size = 32, caps.min_subgroup_size = 8, caps.max_subgroup_size = 64;
  caps.fixed_subgroup = caps.subgroup_size_control = caps.subgroup_shuffle = true;
  caps.max_storage_range = (uint64_t{4} << 30) - 1;
  caps.storage_alignment = 64;
  caps.max_allocation = uint64_t{4} << 30;
  caps.max_workgroup_invocations = 1024;
  caps.max_shared_bytes = 32768;
  caps.timestamp_period_ns = 52.08;
  caps.cooperative_matrices = {{16, 16, 16}};
  return caps;
}

TEST(BelievableCaps, SaneOnesStayAsTheyAre) {
  const DeviceCaps caps = believable(sane());
  EXPECT_EQ(caps.unusable_reason, "");
  EXPECT_EQ(caps.max_storage_range, sane().max_storage_range);
  EXPECT_EQ(caps.max_allocation, sane().max_allocation);
  EXPECT_EQ(caps.budget_bytes, sane().budget_bytes);
  EXPECT_TRUE(caps.fixed_subgroup && caps.subgroup_size_control && caps.subgroup_shuffle);
  EXPECT_EQ(caps.min_subgroup_size, 8u);
  EXPECT_EQ(caps.max_subgroup_size, 64u);
  EXPECT_EQ(caps.cooperative_matrices.size(), 1u);
  EXPECT_EQ(caps.timestamp_period_ns, 52.08);
}

TEST(BelievableCaps, LessThanVulkansLeastIsUnusable) {
  struct Lie {
    const char* word;  // of the reason
    std::function<void(DeviceCaps&)> tell;
  };
  const Lie lies[] = {
      {"storage buffers of 0", [](DeviceCaps& c) { c.max_storage_range = 0; }},
      {"workgroups of 0", [](DeviceCaps& c) { c.max_workgroup_invocations = 0; }},
      {"shared memory of 1", [](DeviceCaps& c) { c.max_shared_bytes = 1; }},
      {"push constants of 64", [](DeviceCaps& c) { c.max_push_bytes = 64; }},
      {"dispatches of 0", [](DeviceCaps& c) { c.max_groups[2] = 0; }},
      {"memory of 0", [](DeviceCaps& c) { c.memory_bytes = 0; }},
      {"aligns buffers to 0", [](DeviceCaps& c) { c.storage_alignment = 0; }},
      {"aligns buffers to 3", [](DeviceCaps& c) { c.storage_alignment = 3; }},
      {"aligns buffers to 4096", [](DeviceCaps& c) { c.storage_alignment = 4096; }},
  };
  for (const Lie& lie : lies) {
    DeviceCaps caps = sane();
    lie.tell(caps);
    const std::string reason = believable(caps).unusable_reason;
    EXPECT_NE(reason.find(lie.word), std::string::npos) << lie.word << ": " << reason;
  }
  DeviceCaps caps = sane();
  caps.unusable_reason = "first";
  caps.memory_bytes = 0;
  EXPECT_EQ(believable(caps).unusable_reason, "first");
}

TEST(BelievableCaps, NumbersBeyondAnyDeviceAreCut) {
  DeviceCaps caps = sane();
  constexpr uint32_t kAll = std::numeric_limits<uint32_t>::max();
  caps.max_workgroup_invocations = caps.max_shared_bytes = kAll;
  caps.memory_bytes = caps.budget_bytes = caps.max_allocation = ~uint64_t{0};
  caps = believable(caps);
  EXPECT_EQ(caps.unusable_reason, "");
  EXPECT_LT(caps.max_workgroup_invocations, 1u << 20);
  EXPECT_LT(caps.max_shared_bytes, 1u << 30);
  // Sums and products of a few of them fit into 64 bits.
  EXPECT_LT(caps.memory_bytes, uint64_t{1} << 50);
  EXPECT_EQ(caps.budget_bytes, caps.memory_bytes);
  EXPECT_LT(caps.max_allocation, uint64_t{1} << 50);
  caps.max_allocation = 0;
  EXPECT_EQ(believable(caps).max_allocation, uint64_t{1} << 30);
}

TEST(BelievableCaps, SubgroupsThatCannotBeAreNotUsed) {
  for (const uint32_t size : {0u, 24u, 256u, 1u << 31, ~0u}) {
    DeviceCaps caps = sane();
    caps.subgroup_size = size;
    caps = believable(caps);
    EXPECT_EQ(caps.unusable_reason, "");
    EXPECT_EQ(caps.subgroup_size, 1u) << size;
    EXPECT_FALSE(caps.subgroup_shuffle || caps.fixed_subgroup || caps.subgroup_size_control) << size;
    EXPECT_EQ(caps.max_subgroup_size, 1u) << size;
  }
  struct Range {
    uint32_t least, most;
  };
  for (const Range range : {Range{0, 64}, Range{8, ~0u}, Range{64, 8}, Range{64, 128}, Range{8, 16}}) {
    DeviceCaps caps = sane();
    caps.min_subgroup_size = range.least, caps.max_subgroup_size = range.most;
    caps = believable(caps);
    EXPECT_TRUE(caps.subgroup_shuffle) << "their size is known";
    EXPECT_FALSE(caps.fixed_subgroup || caps.subgroup_size_control) << range.least << " to " << range.most;
    EXPECT_EQ(caps.min_subgroup_size, 32u);
    EXPECT_EQ(caps.max_subgroup_size, 32u);
  }
}

TEST(BelievableCaps, OffersThatContradictThemselvesAreNotTaken) {
  DeviceCaps caps = sane();
  caps.timestamp_period_ns = std::numeric_limits<double>::quiet_NaN();
  caps.cooperative_matrices = {{16, 16, 16}, {0, 16, 16}, {16, 1u << 20, 16}};
  caps = believable(caps);
  EXPECT_EQ(caps.timestamp_period_ns, 0);
  EXPECT_EQ(caps.cooperative_matrices.size(), 1u);
  caps.timestamp_period_ns = -1;
  EXPECT_EQ(believable(caps).timestamp_period_ns, 0);
}

}  // namespace pumice::vk::caps_test
