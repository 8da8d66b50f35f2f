#include "bench/system/power.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

namespace pumice_bench {

namespace {

namespace fs = std::filesystem;
constexpr auto kSampleInterval = std::chrono::milliseconds(20);

std::string read_line(const fs::path& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

std::optional<std::uint64_t> read_number(const fs::path& path) {
  const std::string line = read_line(path);
  char* end = nullptr;
  const std::uint64_t value = std::strtoull(line.c_str(), &end, 0);
  if (end == line.c_str()) return {};
  return value;
}

std::vector<fs::path> entries(const fs::path& folder, const std::string& prefix) {
  std::vector<fs::path> found;
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(folder, failed)) {
    if (entry.path().filename().string().rfind(prefix, 0) == 0) found.push_back(entry.path());
  }
  return found;
}

}  // namespace

PowerMeter::PowerMeter(const PowerTarget& target, const std::string& sys) {
  target.cpu ? find_packages(sys) : find_card(target, sys);
  if (!power_path_.empty()) sampler_ = std::thread([this] { sample(); });
}

PowerMeter::~PowerMeter() {
  stop_ = true;
  if (sampler_.joinable()) sampler_.join();
}

void PowerMeter::add_counter(const std::string& path, const std::string& range_path) {
  const auto now = read_number(path);
  if (now) counters_.push_back({.path = path, .range = read_number(range_path).value_or(0), .last = *now});
}

void PowerMeter::find_packages(const std::string& sys) {
  for (const fs::path& zone : entries(fs::path(sys) / "class/powercap", "intel-rapl:")) {
    if (read_line(zone / "name").rfind("package-", 0) == 0)
      add_counter((zone / "energy_uj").string(), (zone / "max_energy_range_uj").string());
  }
  if (!counters_.empty()) source_ = "RAPL package energy";
}

void PowerMeter::find_card(const PowerTarget& target, const std::string& sys) {
  for (const fs::path& card : entries(fs::path(sys) / "class/drm", "card")) {
    const fs::path device = card / "device";
    if (read_number(device / "vendor") != target.vendor_id || read_number(device / "device") != target.device_id)
      continue;
    for (const fs::path& sensor : entries(device / "hwmon", "hwmon")) {
      const std::string name = read_line(sensor / "name");
      add_counter((sensor / "energy1_input").string(), "");
      if (!counters_.empty()) {
        source_ = name + " energy1_input";
        return;
      }
      for (const char* file : {"power1_average", "power1_input"}) {
        if (!read_number(sensor / file)) continue;
        source_ = name + " " + file;
        power_path_ = (sensor / file).string();
        return;
      }
    }
  }
}

void PowerMeter::sample() {
  auto last = std::chrono::steady_clock::now();
  while (!stop_) {
    std::this_thread::sleep_for(kSampleInterval);
    const auto now = std::chrono::steady_clock::now();
    const auto microwatts = read_number(power_path_);
    const std::lock_guard lock(mutex_);
    if (microwatts)
      sampled_joules_ += 1e-6 * static_cast<double>(*microwatts) * std::chrono::duration<double>(now - last).count();
    last = now;
  }
}

double PowerMeter::joules() {
  for (Counter& counter : counters_) {
    const auto now = read_number(counter.path);
    if (!now) continue;
    if (*now >= counter.last) {
      counted_uj_ += static_cast<double>(*now - counter.last);
    } else if (counter.range > counter.last) {
      counted_uj_ += static_cast<double>(counter.range - counter.last + *now);
    }
    counter.last = *now;
  }
  const std::lock_guard lock(mutex_);
  return 1e-6 * counted_uj_ + sampled_joules_;
}

}  // namespace pumice_bench
