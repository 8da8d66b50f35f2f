#include "faults/balance.h"

#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <thread>

#include "faults/allocation_faults.h"

namespace pumice::faults {
namespace {

int64_t entries(const char* folder) {
  std::error_code ignored;
  const std::filesystem::directory_iterator all(folder, ignored);
  return std::distance(begin(all), end(all));
}

// Who asked for the newest blocks: those left behind, if nothing was made since.
std::string names(int64_t blocks) {
  std::string text;
  for (const void* caller : newest_callers(static_cast<size_t>(std::clamp<int64_t>(blocks, 0, 4)))) {
    Dl_info info;
    if (::dladdr(caller, &info) && info.dli_fname)
      text += " " + std::filesystem::path(info.dli_fname).filename().string() + "+" +
              std::to_string(static_cast<const char*>(caller) - static_cast<const char*>(info.dli_fbase));
  }
  return text.empty() ? text : " (newest:" + text + ")";
}

}  // namespace

Balance Balance::now(const VulkanFaults& vulkan) {
  return {vulkan.live, entries("/proc/self/fd"), entries("/proc/self/task"), live_allocations()};
}

std::string left_behind(const Balance& before, const VulkanFaults& vulkan) {
  Balance now;
  for (int i = 0; i < 200; ++i) {
    now = Balance::now(vulkan);
    if (now.vulkan <= before.vulkan && now.files <= before.files && now.threads <= before.threads &&
        now.blocks <= before.blocks)
      return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  std::string text;
  const auto add = [&](const char* what, int64_t count) {
    if (count > 0) text += std::to_string(count) + " " + what + ", ";
  };
  add("Vulkan objects", now.vulkan - before.vulkan);
  add("files", now.files - before.files);
  add("threads", now.threads - before.threads);
  add("blocks of memory", now.blocks - before.blocks);
  return text.substr(0, text.size() - 2) + names(now.blocks - before.blocks);
}

}  // namespace pumice::faults
