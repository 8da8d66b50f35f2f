// Kernels: the pipelines of one device, made on first use, and the few types that every kernel's wrapper shares.
//
// Each operation K has its own header kernels/K.h with a struct of arguments and one function that records it:
//   rms_norm(recorder, {.x = x, .weight = w, .y = y, .n = rows, .cols = width, .eps = 1e-5f});
// Errors of recording (a pipeline that cannot be made) are kept by the stream and returned by its end().
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vk/command_stream.h"
#include "vk/device.h"

namespace pumice {

// Float rows (n, cols) on the device: row r begins at r * stride floats.
struct FloatRows {
  vk::BufferView view;
  uint32_t stride = 0;
};

// How a workgroup reduces: within one full subgroup, or through shared memory.
struct ReduceChoice {
  const char* variant = "shared";  // or "subgroup"
  uint32_t workgroup = 64;
  bool full_subgroups = false;
};
ReduceChoice choose_reduce(const vk::DeviceCaps& caps);
// For a kernel that has one workgroup only: as many lanes as the device allows, but one subgroup on a CPU.
ReduceChoice choose_wide_reduce(const vk::DeviceCaps& caps);

// Thread-safe. Pipelines live as long as it does; the device outlives it.
class Kernels {
 public:
  explicit Kernels(vk::Device& device) : device_(device) {}

  vk::Device& device() { return device_; }
  const vk::DeviceCaps& caps() const { return device_.caps(); }
  // constants: values of specialisation constants 0, 1, 2, …
  Result<const vk::Pipeline*> pipeline(std::string_view variant, std::span<const uint32_t> constants,
                                       bool full_subgroups);

 private:
  struct Key {
    std::string variant;
    std::vector<uint32_t> constants;
    auto operator<=>(const Key&) const = default;
  };
  vk::Device& device_;
  std::mutex mutex_;
  std::map<Key, std::unique_ptr<vk::Pipeline>> pipelines_;
};

struct Recorder {
  Kernels& kernels;
  vk::CommandStream& stream;
};

// What a wrapper hands to record(): a variant with its constants, and one dispatch of it.
struct Dispatch {
  std::string variant;
  std::span<const uint32_t> constants;
  bool full_subgroups = false;
  std::span<const std::byte> push;
  std::span<const vk::BufferView> bindings;
  vk::Groups groups;
  const vk::BufferView* indirect = nullptr;  // instead of groups
  vk::Cost cost;
};
void record(Recorder recorder, const Dispatch& dispatch);

template <typename Push>
std::span<const std::byte> push_bytes(const Push& push) {
  return std::as_bytes(std::span(&push, 1));
}
constexpr uint32_t divide_up(uint32_t value, uint32_t by) { return (value + by - 1) / by; }

}  // namespace pumice
