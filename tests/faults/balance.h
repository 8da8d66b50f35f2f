// Balance: what a process holds. Two of them are equal when nothing was left behind in between.
#pragma once

#include <cstdint>
#include <string>

#include "faults/vulkan_faults.h"

namespace pumice::faults {

struct Balance {
  int64_t vulkan = 0, files = 0, threads = 0, blocks = 0;
  static Balance now(const VulkanFaults& vulkan);
};

// What is there now beyond `before`; empty: nothing. Threads and sockets that are about to end are waited for.
std::string left_behind(const Balance& before, const VulkanFaults& vulkan);

}  // namespace pumice::faults
