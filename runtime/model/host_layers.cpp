#include "model/host_layers.h"

#include <algorithm>
#include <cstdio>

#include "base/clock.h"
#include "model/decoder_weights.h"
#include "vk/command_stream.h"

namespace pumice {
namespace {

// What of the room is left for the pages of a context and its workspace.
constexpr uint64_t kMostReserved = uint64_t{1} << 30;
uint64_t reserved_of(uint64_t room) { return std::min(room / 8, kMostReserved); }

constexpr uint64_t kCopyBytes = uint64_t{16} << 20;

// Bytes a second from the host's memory to the device's.
Result<double> measure_copy(vk::Device& device) {
  PUMICE_ASSIGN(const vk::Buffer source, device.create_buffer(kCopyBytes, vk::MemoryIntent::kHostWeights));
  PUMICE_ASSIGN(const vk::Buffer target, device.create_buffer(kCopyBytes, vk::MemoryIntent::kDevice));
  PUMICE_ASSIGN(vk::CommandStream copy, vk::CommandStream::create(device));
  copy.begin();
  copy.copy({source, 0, kCopyBytes}, {target, 0, kCopyBytes});
  PUMICE_TRY(copy.end());
  double best = 0;
  for (int run = 0; run < 3; ++run) {
    const double start = now_seconds();
    PUMICE_ASSIGN(const uint64_t submission, copy.submit());
    PUMICE_TRY(device.wait(submission));
    best = std::max(best, static_cast<double>(kCopyBytes) / std::max(now_seconds() - start, 1e-9));
  }
  return best;
}

}  // namespace

Result<WeightBytes> weight_bytes(const Gguf& file, const ModelSpec& spec, uint32_t host_layers) {
  WeightReader reader(file);
  PUMICE_ASSIGN([[maybe_unused]] const DecoderWeights weights, bind_weights(spec, reader, host_layers));
  PUMICE_TRY(reader.check_rest());
  return WeightBytes{.device = reader.bytes(), .host = reader.host_bytes()};
}

Result<uint32_t> choose_host_layers(const Gguf& file, const ModelSpec& spec, HostLayers wanted, uint64_t room) {
  const auto all = static_cast<uint32_t>(spec.layers.size());
  uint32_t low = std::min(wanted.count, all);
  PUMICE_ASSIGN(const WeightBytes bytes, weight_bytes(file, spec, low));
  if (!wanted.more_if_short || bytes.device <= room) return low;
  for (uint32_t high = all; low < high;) {
    const uint32_t middle = low + (high - low) / 2;
    PUMICE_ASSIGN(const WeightBytes tried, weight_bytes(file, spec, middle));
    if (tried.device <= room - reserved_of(room)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

Result<std::string> describe_cost(vk::Device& device, const ModelSpec& spec, uint32_t host_layers, uint64_t bytes) {
  PUMICE_ASSIGN(const double bandwidth, measure_copy(device));
  char text[256];
  std::snprintf(
      text, sizeof(text),
      "%u of %zu layers (%.1f MiB) stay in the host's memory: reading them takes about %.1f ms a step, at the "
      "%.1f GB/s of a copy",
      host_layers, spec.layers.size(), static_cast<double>(bytes) / (1 << 20),
      1e3 * static_cast<double>(bytes) / bandwidth, bandwidth / 1e9);
  return std::string(text);
}

}  // namespace pumice
