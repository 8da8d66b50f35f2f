// Energy from made-up trees of /sys, and what the host tells of itself.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "bench/system/host.h"
#include "bench/system/power.h"
#include "support/temporary_folder.h"

namespace pumice_bench::bench_power_test {

namespace fs = std::filesystem;

class BenchPower : public testing::Test {
 protected:
  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((fs::path(sys()) / path).parent_path());
    std::ofstream(fs::path(sys()) / path) << text << "\n";
  }
  void add_card(const std::string& card, const std::string& vendor, const std::string& device) const {
    write("class/drm/" + card + "/device/vendor", vendor);
    write("class/drm/" + card + "/device/device", device);
    write("class/drm/" + card + "/device/hwmon/hwmon3/name", "amdgpu");
  }
  std::string sys() const { return folder_.file("sys"); }

 private:
  pumice::test::TemporaryFolder folder_;
};

TEST_F(BenchPower, PackagesCountEnergy) {
  write("class/powercap/intel-rapl:0/name", "package-0");
  write("class/powercap/intel-rapl:0/energy_uj", "9000000");
  write("class/powercap/intel-rapl:0/max_energy_range_uj", "10000000");
  write("class/powercap/intel-rapl:0:0/name", "core");
  write("class/powercap/intel-rapl:0:0/energy_uj", "5");
  PowerMeter meter({.cpu = true}, sys());
  EXPECT_EQ(meter.source(), "RAPL package energy");
  EXPECT_EQ(meter.joules(), 0);
  write("class/powercap/intel-rapl:0/energy_uj", "9500000");
  EXPECT_NEAR(meter.joules(), 0.5, 1e-9);
  write("class/powercap/intel-rapl:0/energy_uj", "250000");  // it started again from 0
  EXPECT_NEAR(meter.joules(), 1.25, 1e-9);
}

TEST_F(BenchPower, TheCardWithTheDevicesIdsIsRead) {
  add_card("card0", "0x8086", "0x1234");
  write("class/drm/card0/device/hwmon/hwmon3/energy1_input", "1");
  add_card("card1", "0x1002", "0x744c");
  write("class/drm/card1/device/hwmon/hwmon3/energy1_input", "1000000");
  PowerMeter meter({.vendor_id = 0x1002, .device_id = 0x744c}, sys());
  EXPECT_EQ(meter.source(), "amdgpu energy1_input");
  write("class/drm/card1/device/hwmon/hwmon3/energy1_input", "3000000");
  EXPECT_NEAR(meter.joules(), 2, 1e-9);
}

TEST_F(BenchPower, PowerIsSampledWhereEnergyIsNotCounted) {
  add_card("card0", "0x1002", "0x744c");
  write("class/drm/card0/device/hwmon/hwmon3/power1_average", "100000000");
  PowerMeter meter({.vendor_id = 0x1002, .device_id = 0x744c}, sys());
  EXPECT_EQ(meter.source(), "amdgpu power1_average");
  const auto start = std::chrono::steady_clock::now();
  const double before = meter.joules();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const double spent = meter.joules() - before;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  EXPECT_GT(spent, 0);
  EXPECT_LE(spent, 100 * (seconds + 0.05));
}

TEST_F(BenchPower, ASilentSystemTellsNothing) {
  add_card("card0", "0x10de", "0x2684");
  for (const bool cpu : {false, true}) {
    PowerMeter meter({.vendor_id = 0x10de, .device_id = 0x2684, .cpu = cpu}, sys());
    EXPECT_EQ(meter.source(), "");
    EXPECT_EQ(meter.joules(), 0);
  }
}

TEST(BenchHost, LinuxTellsOfItself) {
  if (!fs::exists("/proc/self/status")) GTEST_SKIP() << "no /proc";
  EXPECT_GT(read_host_memory().resident_bytes, 1u << 20);
  EXPECT_GE(read_host_memory().peak_bytes, read_host_memory().resident_bytes / 2);
  EXPECT_GT(read_host().cores, 0u);
  EXPECT_EQ(utc_now().size(), 20u);
}

}  // namespace pumice_bench::bench_power_test
