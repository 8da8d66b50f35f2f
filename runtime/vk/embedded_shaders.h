// The SPIR-V of every variant in shaders/variants.json, compressed into the library by the build: a sixth of it.
// Variants of a kernel are compressed together, since most of what they say is the same.
//
// Thread rule: constant data; read it from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pumice {

struct EmbeddedShader {
  std::string_view name;             // "kernel" or "kernel.variant", as in shaders/variants.json
  uint32_t words;                    // of the SPIR-V module
  uint32_t first;                    // words of others that stand before it in the frame
  uint32_t stored_bytes;             // of the zstd frame; without zstd of the words themselves
  std::span<const uint32_t> stored;  // the frame, filled up with zeros
};

// The module, decompressed.
Result<std::vector<uint32_t>> spirv_of(const EmbeddedShader& shader);

// All variants that this build has, sorted by name.
std::span<const EmbeddedShader> embedded_shaders();

// Null when this build has no such variant: its compiler lacked the extension that variants.json requires for it.
const EmbeddedShader* find_embedded_shader(std::string_view name);

}  // namespace pumice
