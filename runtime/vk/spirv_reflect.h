// What the host must know of a compute shader, read from its SPIR-V, so that it is written down once, in GLSL.
// Source: the SPIR-V specification, sections 2.3 (physical layout) and 3 (binary form).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace pumice::vk {

struct ShaderBinding {
  uint32_t binding = 0;
  bool read = true;   // false: NonReadable
  bool write = true;  // false: NonWritable
};

struct ShaderInterface {
  std::vector<ShaderBinding> bindings;  // storage buffers of set 0, by binding number without gaps
  uint32_t push_bytes = 0;              // of the push constant block
  std::vector<uint32_t> spec_ids;       // ascending, each once
  // Per axis: the id of the specialisation constant that sets the local size, or kFixed.
  static constexpr uint32_t kFixed = ~0u;
  uint32_t local_size_id[3] = {kFixed, kFixed, kFixed};
  uint32_t local_size[3] = {1, 1, 1};  // by the constants given
  uint32_t shared_variables = 0;       // count of workgroup-shared variables
  uint64_t shared_bytes = 0;           // of them all, by the constants given, each aligned to its type
  bool counts_groups = false;          // it may read gl_NumWorkGroups, of which this project's shaders read x alone

  uint64_t invocations() const { return uint64_t{local_size[0]} * local_size[1] * local_size[2]; }
};

// constants: values of specialisation constants 0, 1, 2, …; those beyond keep the shader's defaults.
// Status::kMalformed when the words are not a compute shader as this project writes them.
Result<ShaderInterface> reflect(std::span<const uint32_t> words, std::span<const uint32_t> constants = {});

}  // namespace pumice::vk
