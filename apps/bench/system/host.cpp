#include "bench/system/host.h"

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <thread>

#include "common/system.h"

namespace pumice_bench {

namespace {

// The value of the first line "KEY<spaces>: VALUE" of a file.
std::string field_of(const char* path, const std::string& key) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (line.compare(0, key.size(), key) != 0) continue;
    const std::size_t colon = line.find(':');
    const std::size_t start = colon == std::string::npos ? colon : line.find_first_not_of(" \t", colon + 1);
    return start == std::string::npos ? std::string() : line.substr(start);
  }
  return {};
}

std::uint64_t kibibytes(const char* key) {
  return 1024 * std::strtoull(field_of("/proc/self/status", key).c_str(), nullptr, 10);
}

}  // namespace

Host read_host() {
  Host host;
  host.processor = field_of("/proc/cpuinfo", "model name");
  host.cores = std::thread::hardware_concurrency();
  host.system = pumice_apps::system_name();
  return host;
}

HostMemory read_host_memory() { return {kibibytes("VmRSS"), kibibytes("VmHWM")}; }

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

}  // namespace pumice_bench
