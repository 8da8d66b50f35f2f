// What Linux tells about this machine and this process. Elsewhere, or where a file is missing, figures are 0 or empty.
#pragma once

#include "bench/report/report.h"

namespace pumice_bench {

Host read_host();

struct HostMemory {
  std::uint64_t resident_bytes = 0, peak_bytes = 0;
};
HostMemory read_host_memory();

std::string utc_now();  // "2025-01-31T12:00:00Z"

}  // namespace pumice_bench
