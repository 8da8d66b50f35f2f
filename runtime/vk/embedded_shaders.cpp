#include "vk/embedded_shaders.h"

#ifdef PUMICE_HAS_ZSTD
#include <zstd.h>
#include <zstd_errors.h>
#endif

#include <algorithm>
#include <memory>

namespace pumice {

const EmbeddedShader* find_embedded_shader(std::string_view name) {
  const auto shaders = embedded_shaders();
  const auto found =
      std::lower_bound(shaders.begin(), shaders.end(), name,
                       [](const EmbeddedShader& shader, std::string_view key) { return shader.name < key; });
  return found != shaders.end() && found->name == name ? &*found : nullptr;
}

#ifdef PUMICE_HAS_ZSTD

// No more of the frame is decompressed than its words and those before them.
Result<std::vector<uint32_t>> spirv_of(const EmbeddedShader& shader) {
  std::vector<uint32_t> words(size_t{shader.first} + shader.words);
  const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  if (!context) return error(Status::kOutOfHostMemory, "no memory to decompress a shader");
  ZSTD_inBuffer in{shader.stored.data(), shader.stored_bytes, 0};
  ZSTD_outBuffer out{words.data(), words.size() * sizeof words[0], 0};
  while (out.pos < out.size) {
    const size_t before = out.pos, left = ZSTD_decompressStream(context.get(), &out, &in);
    const bool failed = ZSTD_isError(left) != 0;
    if (!failed && out.pos > before) continue;
    const bool memory = failed && ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation;
    return error(memory ? Status::kOutOfHostMemory : Status::kInternal, "shader %s: %s",
                 std::string(shader.name).c_str(), failed ? ZSTD_getErrorName(left) : "its frame is cut short");
  }
  words.erase(words.begin(), words.begin() + shader.first);
  return words;
}

#else

Result<std::vector<uint32_t>> spirv_of(const EmbeddedShader& shader) {
  const auto words = shader.stored.subspan(shader.first, shader.words);
  return std::vector<uint32_t>(words.begin(), words.end());
}

#endif

}  // namespace pumice
