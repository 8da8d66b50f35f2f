// The SPIR-V of every variant in shaders/variants.json, compiled into the library by the build.
//
// Thread rule: constant data; read it from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace pumice {

struct EmbeddedShader {
  std::string_view name;            // "kernel" or "kernel.variant", as in shaders/variants.json
  std::span<const uint32_t> words;  // one SPIR-V module
};

// All variants that this build has, sorted by name.
std::span<const EmbeddedShader> embedded_shaders();

// Null when this build has no such variant: its compiler lacked the extension that variants.json requires for it.
const EmbeddedShader* find_embedded_shader(std::string_view name);

}  // namespace pumice
