// pumice_tests: GoogleTest's main with one option more, --pumice-device=SEL.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <string_view>

#include "support/device_fixture.h"

namespace {

// Destroys the devices while failures still count: the layer reports objects that were left behind.
class VulkanShutdown : public ::testing::Environment {
 public:
  void TearDown() override {
    auto& vulkan = pumice::test::TestVulkan::get();
    vulkan.shut_down();
    for (const std::string& message : vulkan.take_messages()) ADD_FAILURE() << message;
  }
};

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  constexpr std::string_view kOption = "--pumice-device=";
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (!argument.starts_with(kOption)) {
      std::fprintf(stderr, "unknown option %s; beside GoogleTest's there is %sSEL\n", argv[i], kOption.data());
      return 2;
    }
    auto& vulkan = pumice::test::TestVulkan::get();
    vulkan.select(std::string(argument.substr(kOption.size())));
    if (!vulkan.unavailable().empty()) {
      std::fprintf(stderr, "%s\n", vulkan.unavailable().c_str());
      return 2;
    }
  }
  ::testing::AddGlobalTestEnvironment(new VulkanShutdown);
  return RUN_ALL_TESTS();
}
