#include "faults/point.h"

#include <vulkan/vulkan.h>

#include <map>
#include <sstream>

#include "faults/hostile_redis.h"
#include "faults/system_faults.h"
#include "faults/vulkan_lies.h"
#include "support/generator.h"

namespace pumice::faults {

std::string Point::text() const {
  std::string line = kind + " " + phase + " " + memory;
  if (!what.empty()) line += " " + what;
  if (at > 0) line += " " + std::to_string(at);
  if (!code.empty()) line += " " + code;
  if (kind == "vulkan" || kind == "system" || kind == "allocation") line += sticky ? " sticky" : " once";
  return line;
}

Point Point::parse(const std::string& text) {
  Point point;
  std::istringstream words(text);
  std::string how;
  words >> point.kind >> point.phase >> point.memory;
  const bool numbered = point.kind == "allocation" || point.kind == "balance";
  if (!numbered) words >> point.what;
  if (numbered || point.kind == "vulkan" || point.kind == "system") words >> point.at;
  if (point.kind == "vulkan" || point.kind == "system") words >> point.code;
  words >> how;
  point.sticky = how == "sticky";
  if (point.memory.empty()) point.kind.clear();
  return point;
}

// What the specification lets a function return: a flat table.
std::vector<int> vulkan_codes(const std::string& call) {
  constexpr int kHost = VK_ERROR_OUT_OF_HOST_MEMORY, kDevice = VK_ERROR_OUT_OF_DEVICE_MEMORY;
  constexpr int kLost = VK_ERROR_DEVICE_LOST, kUnknown = VK_ERROR_UNKNOWN, kStart = VK_ERROR_INITIALIZATION_FAILED;
  static const std::map<std::string, std::vector<int>> more = {
      {"vkCreateInstance",
       {kStart, VK_ERROR_LAYER_NOT_PRESENT, VK_ERROR_EXTENSION_NOT_PRESENT, VK_ERROR_INCOMPATIBLE_DRIVER}},
      {"vkEnumeratePhysicalDevices", {kStart}},
      {"vkEnumerateDeviceExtensionProperties", {VK_ERROR_LAYER_NOT_PRESENT}},
      {"vkCreateDevice",
       {kStart, VK_ERROR_EXTENSION_NOT_PRESENT, VK_ERROR_FEATURE_NOT_PRESENT, VK_ERROR_TOO_MANY_OBJECTS, kLost}},
      {"vkAllocateMemory", {VK_ERROR_TOO_MANY_OBJECTS}},
      {"vkMapMemory", {VK_ERROR_MEMORY_MAP_FAILED}},
      {"vkCreateComputePipelines", {VK_ERROR_INVALID_SHADER_NV}},
      {"vkCreateShaderModule", {VK_ERROR_INVALID_SHADER_NV}},
      {"vkCreateDescriptorPool", {VK_ERROR_FRAGMENTATION}},
      {"vkAllocateDescriptorSets", {VK_ERROR_FRAGMENTED_POOL, VK_ERROR_OUT_OF_POOL_MEMORY}},
      {"vkQueueSubmit", {kLost}},
      {"vkWaitSemaphores", {kLost}},
      {"vkGetSemaphoreCounterValue", {kLost}},
      {"vkDeviceWaitIdle", {kLost}},
      {"vkGetQueryPoolResults", {kLost}},
  };
  std::vector<int> codes = {kHost, kDevice, kUnknown};
  if (const auto found = more.find(call); found != more.end())
    codes.insert(codes.end(), found->second.begin(), found->second.end());
  return codes;
}

namespace {

void add_vulkan(std::vector<Point>& points, Point point, int64_t calls) {
  for (const int code : vulkan_codes(point.what))
    for (point.at = 1; point.at <= calls; ++point.at) {
      point.code = std::to_string(code);
      point.sticky = false;
      points.push_back(point);
      // A lost device stays lost; other failures that never end are tried with one code and at every eighth call.
      point.sticky = true;
      if (code == VK_ERROR_OUT_OF_DEVICE_MEMORY && point.at % 8 == 1) points.push_back(point);
    }
}

void add_system(std::vector<Point>& points, Point point, int64_t calls) {
  int call = 0;
  while (point.what != pumice_system_call_name(call)) ++call;
  for (const PumiceFaultCode* code = pumice_system_call_codes(call); code->name; ++code) {
    const int64_t step = code->code == PUMICE_FAULT_HANG ? 16 : 1;  // each is waited for by seconds
    for (point.at = 1; point.at <= calls; point.at += step) {
      point.code = code->name;
      point.sticky = false;
      points.push_back(point);
      point.sticky = true;
      if (code == pumice_system_call_codes(call) && point.at % 4 == 1) points.push_back(point);
    }
  }
}

}  // namespace

std::vector<Point> points_of(const std::string& phase, const std::string& memory, const Record& record, uint64_t seed,
                             size_t sample) {
  std::vector<Point> points;
  for (const Record::Count& count : record.counts) {
    const Point point{.kind = count.kind, .phase = phase, .memory = memory, .what = count.call};
    if (count.kind == "vulkan") add_vulkan(points, point, count.calls);
    // What the operating system does is the same with either kind of memory.
    if (count.kind == "system" && memory == "native") add_system(points, point, count.calls);
  }
  if (memory == "discrete" && phase == "start") return points;
  for (const std::string& stack : record.stacks)
    points.push_back({.kind = "stack", .phase = phase, .memory = memory, .what = stack});
  test::Generator random(seed);
  for (size_t i = 0; i < sample && record.allocations > 0; ++i) {
    const int64_t at = 1 + random.below(static_cast<uint32_t>(record.allocations));
    points.push_back({.kind = "allocation", .phase = phase, .memory = memory, .at = at, .sticky = i % 8 == 0});
  }
  return points;
}

std::vector<Point> other_points(const std::string& memory) {
  std::vector<Point> points;
  for (int i = 0; i < kLieCount; ++i)
    points.push_back({.kind = "lie", .phase = "start", .memory = memory, .what = std::to_string(i)});
  for (int i = 1; i <= 40; ++i) points.push_back({.kind = "balance", .phase = "use", .memory = memory, .at = i});
  if (memory != "native") return points;
  for (const char* behaviour : hostile_behaviours())
    points.push_back({.kind = "server", .phase = "use", .memory = memory, .what = behaviour});
  return points;
}

}  // namespace pumice::faults
