// select_device as a table: preference, index, UUID, name, and what cannot be used.
#include <gtest/gtest.h>

#include "vk/instance.h"

namespace pumice::vk::select_device_test {

DeviceCaps made(uint32_t index, const char* name, DeviceType type, const char* uuid, const char* unusable = "") {
  DeviceCaps caps;
  caps.index = index, caps.name = name, caps.type = type, caps.uuid = uuid, caps.unusable_reason = unusable;
  return caps;
}

const std::vector<DeviceCaps> kDevices = {
    made(0, "llvmpipe (LLVM 15)", DeviceType::kCpu, "00000000-0000-0000-0000-000000000001"),
    made(1, "Old Card", DeviceType::kDiscrete, "00000000-0000-0000-0000-000000000002", "it offers Vulkan 1.1"),
    made(2, "Fast Card 4090", DeviceType::kDiscrete, "0000ABCD-0000-0000-0000-000000000003"),
    made(3, "Fast Card 4080", DeviceType::kDiscrete, "00000000-0000-0000-0000-000000000004"),
    made(4, "Small Graphics", DeviceType::kIntegrated, "00000000-0000-0000-0000-000000000005")};

struct SelectCase {
  const char* selector;
  int expected;  // index, or -1 for the status
  Status status = Status::kOk;
};
constexpr SelectCase kCases[] = {{"", 2},
                                 {"0", 0},
                                 {"4", 4},
                                 {"5", -1, Status::kNotFound},
                                 {"999", -1, Status::kNotFound},
                                 {"1", -1, Status::kUnsupported},
                                 {"old", -1, Status::kUnsupported},
                                 {"4080", 3},
                                 {"LLVMPIPE", 0},
                                 {"fast", -1, Status::kInvalidArgument},
                                 {"small graphics", 4},
                                 {"no such", -1, Status::kNotFound},
                                 {"00000000-0000-0000-0000-000000000004", 3},
                                 {"-1", -1, Status::kNotFound}};

// Where none is left because one could not be asked, the status is that of the failure; others are taken all the same.
TEST(SelectDevice, AFailureToAskIsToldAsItIs) {
  std::vector<DeviceCaps> devices = {kDevices[1], kDevices[2]};
  devices[1].unusable_reason = "out of host memory", devices[1].unusable_status = Status::kOutOfHostMemory;
  EXPECT_EQ(select_device(devices, "").error().status, Status::kOutOfHostMemory);
  EXPECT_EQ(select_device(devices, "fast").error().status, Status::kOutOfHostMemory);
  EXPECT_EQ(select_device(devices, "old").error().status, Status::kUnsupported);
  devices.push_back(kDevices[0]);
  EXPECT_EQ(*select_device(devices, ""), 2u);
}

TEST(SelectDevice, Table) {
  for (const SelectCase& c : kCases) {
    const auto selected = select_device(kDevices, c.selector);
    ASSERT_EQ(selected.ok(), c.expected >= 0) << "'" << c.selector << "'";
    if (selected) {
      EXPECT_EQ(*selected, static_cast<size_t>(c.expected)) << "'" << c.selector << "'";
      continue;
    }
    EXPECT_EQ(selected.error().status, c.status) << "'" << c.selector << "'";
    EXPECT_FALSE(selected.error().message.empty());
    EXPECT_EQ(selected.error().message.find('\n'), std::string::npos);
  }
}

TEST(SelectDevice, PrefersByType) {
  const auto of = [](DeviceType type) { return made(0, "x", type, ""); };
  using enum DeviceType;
  EXPECT_EQ(*select_device({of(kCpu), of(kVirtual), of(kIntegrated), of(kDiscrete)}, ""), 3u);
  EXPECT_EQ(*select_device({of(kCpu), of(kVirtual), of(kIntegrated)}, ""), 2u);
  EXPECT_EQ(*select_device({of(kCpu), of(kVirtual)}, ""), 1u);
  EXPECT_EQ(*select_device({of(kCpu)}, ""), 0u);
  EXPECT_EQ(*select_device({of(kDiscrete), of(kDiscrete)}, ""), 0u) << "the first of equals";
}

TEST(SelectDevice, NothingToChooseFrom) {
  EXPECT_EQ(select_device({}, "").error().status, Status::kNotFound);
  EXPECT_EQ(select_device({kDevices[1]}, "").error().status, Status::kUnsupported);
}

}  // namespace pumice::vk::select_device_test
