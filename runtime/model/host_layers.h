// Host layers: those whose weight matrices stay in the host's memory, where kernels read them over the bus.
//
// They are bound as storage buffers in host-visible memory, which every device can read: nothing is copied, no kernel
// knows of it, and results are the same bit by bit. A step then takes what it takes to read them over the bus. A copy
// of each layer into a ring on the device would be read twice, over the bus and again there. Thread rule: pure
// functions, but for describe_cost(), which uses the device.
#pragma once

#include <cstdint>
#include <string>

#include "format/gguf.h"
#include "model/spec.h"
#include "vk/device.h"

namespace pumice {

struct HostLayers {
  uint32_t count = 0;          // the last ones; more than there are: all
  bool more_if_short = false;  // as many as it takes where the device's memory is too small for the others
};

struct WeightBytes {
  uint64_t device = 0, host = 0;
};
// Exactly, without what the allocator rounds up to. Fails as Model::load would for what the file says.
Result<WeightBytes> weight_bytes(const Gguf& file, const ModelSpec& spec, uint32_t host_layers);

// How many layers stay on the host of a device with `room` bytes left. A part of the room is for pages and workspace.
Result<uint32_t> choose_host_layers(const Gguf& file, const ModelSpec& spec, HostLayers wanted, uint64_t room);

// "12 of 30 layers (61.2 MiB) stay in the host's memory, …" with the time that a step takes longer for it, by the
// bandwidth of a copy that is measured now.
Result<std::string> describe_cost(vk::Device& device, const ModelSpec& spec, uint32_t host_layers, uint64_t bytes);

}  // namespace pumice
