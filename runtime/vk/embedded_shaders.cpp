#include "vk/embedded_shaders.h"

#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>

namespace pumice {

const EmbeddedShader* find_embedded_shader(std::string_view name) {
  const auto shaders = embedded_shaders();
  const auto found =
      std::lower_bound(shaders.begin(), shaders.end(), name,
                       [](const EmbeddedShader& shader, std::string_view key) { return shader.name < key; });
  return found != shaders.end() && found->name == name ? &*found : nullptr;
}

Result<std::vector<uint32_t>> spirv_of(const EmbeddedShader& shader) {
  std::vector<uint32_t> words(shader.words);
  const size_t size = words.size() * sizeof words[0];
  const size_t got = ZSTD_decompress(words.data(), size, shader.stored.data(), shader.stored_bytes);
  if (got == size) return words;
  const bool memory = ZSTD_getErrorCode(got) == ZSTD_error_memory_allocation;
  return error(memory ? Status::kOutOfHostMemory : Status::kInternal, "shader %s: %s",
               std::string(shader.name).c_str(), ZSTD_getErrorName(got));
}

}  // namespace pumice
