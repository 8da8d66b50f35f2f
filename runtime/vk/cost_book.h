// CostBook: what dispatches take on a device, learnt from parts of recordings that ran.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

#include "vk/pace.h"

namespace pumice::vk {

struct Groups {
  uint32_t x = 1, y = 1, z = 1;
  auto operator<=>(const Groups&) const = default;
};

// What a dispatch costs at least: bytes moved and floating point operations.
struct Cost {
  double bytes = 0, flops = 0;
};

struct DispatchKind {
  VkPipeline pipeline = VK_NULL_HANDLE;
  Groups groups;  // of an indirect one 0
  Cost cost;
  uint32_t axis = 0, parts = 1;  // along which its workgroups may go apart, and how many those are
};

// Thread-safe.
class CostBook {
 public:
  // Microseconds that the same took; of as many workgroups at other costs, what is not less than they took; else by the
  // cost of the slowest of the same pipeline. 0: there was none.
  double expected(const DispatchKind& kind) const;
  void note(const DispatchKind& kind, double microseconds);

 private:
  mutable std::mutex mutex_;
  using Shape = std::pair<Groups, double>;  // and units of cost
  std::map<VkPipeline, std::map<Shape, HighTime>> known_;
};

}  // namespace pumice::vk
