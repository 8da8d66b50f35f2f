#include "bench/system/host.h"

#include <fmt/chrono.h>

#include <ctime>
#include <thread>

#include "common/system.h"

namespace pumice_bench {

Host read_host() {
  Host host;
  host.processor = pumice_apps::processor_name();
  host.cores = std::thread::hardware_concurrency();
  host.system = pumice_apps::system_name();
  return host;
}

HostMemory read_host_memory() {
  const pumice_apps::ProcessMemory memory = pumice_apps::process_memory();
  return {memory.resident, memory.peak};
}

std::string utc_now() { return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))); }

}  // namespace pumice_bench
