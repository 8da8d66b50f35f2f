// pumice_device_measure_roofs(): refusals. What it measures is in tests/kernels/roof_test.cpp.
#include <gtest/gtest.h>

#include "pumice/pumice.hpp"

namespace bench_roofs_api_test {

TEST(BenchRoofsApi, RefusesWhatIsNoStruct) {
  PumiceRoofs roofs = pumice_roofs_init();
  EXPECT_EQ(pumice_device_measure_roofs(nullptr, &roofs), PUMICE_INVALID_ARGUMENT);
  const pumice::Instance instance;
  PumiceDevice* device = nullptr;
  if (pumice_device_create_auto(instance.get(), nullptr, &device) != PUMICE_OK)
    GTEST_SKIP() << "no usable Vulkan device";
  EXPECT_EQ(pumice_device_measure_roofs(device, nullptr), PUMICE_INVALID_ARGUMENT);
  roofs.size = sizeof(size_t);
  EXPECT_EQ(pumice_device_measure_roofs(device, &roofs), PUMICE_INVALID_ARGUMENT);
  EXPECT_EQ(roofs.read_bytes_per_second, 0);
  pumice_device_destroy(device);
}

}  // namespace bench_roofs_api_test
