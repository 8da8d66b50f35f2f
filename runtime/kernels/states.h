// The recurrent states of sequences in one layer, as its kernels read and write them (shaders/shared/states.h).
#pragma once

#include <array>
#include <cstdint>

#include "shared/states.h"
#include "vk/device.h"

namespace pumice {

// The states after rows of a step of one sequence, which are also written to places that no sequence runs in.
struct StateSnapshots {
  std::array<uint32_t, kMostSnapshots> after = {kNoSnapshot, kNoSnapshot}, place = {};
};

struct States {
  vk::BufferView view;  // (places, stride) floats: a sequence's by its slot, then snapshots
  uint32_t stride = 0;
  StateSnapshots snapshots;
};

}  // namespace pumice
