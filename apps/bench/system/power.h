// PowerMeter: energy of the device that runs the model, where Linux tells it.
//   GPU       hwmon of the card with these PCI ids: energy1_input (i915, xe), else power1_average or power1_input
//             (amdgpu, xe), sampled every 20 ms
//   CPU       RAPL: the packages' energy_uj, which only root may read on most systems
//   NVIDIA    nothing: its driver has no file for it
// Sources: Linux Documentation/hwmon/sysfs-interface.rst (microwatts, microjoules), Documentation/power/powercap.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace pumice_bench {

struct PowerTarget {
  std::uint32_t vendor_id = 0, device_id = 0;
  bool cpu = false;  // a software driver: the processor's packages
};

// Thread rule: one thread at a time. Runs a thread of its own where power must be sampled.
class PowerMeter {
 public:
  explicit PowerMeter(const PowerTarget& target, const std::string& sys = "/sys");
  ~PowerMeter();
  PowerMeter(const PowerMeter&) = delete;
  PowerMeter& operator=(const PowerMeter&) = delete;

  // What is read, as "amdgpu power1_average"; empty: the system tells nothing and joules() stays 0.
  const std::string& source() const { return source_; }
  double joules();  // since the meter was made; never falls

 private:
  struct Counter {
    std::string path;
    std::uint64_t range = 0;  // it starts again from 0 after this; 0: unknown
    std::uint64_t last = 0;
  };
  void find_packages(const std::string& sys);
  void find_card(const PowerTarget& target, const std::string& sys);
  void add_counter(const std::string& path, const std::string& range_path);
  void sample();

  std::string source_, power_path_;
  std::vector<Counter> counters_;
  double counted_uj_ = 0;
  std::mutex mutex_;
  double sampled_joules_ = 0;
  std::atomic<bool> stop_{false};
  std::thread sampler_;
};

}  // namespace pumice_bench
