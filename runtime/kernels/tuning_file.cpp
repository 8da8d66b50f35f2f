#include "kernels/tuning_file.h"

#include "base/hash.h"
#include "vk/device_file.h"
#include "vk/embedded_shaders.h"

namespace pumice {
namespace {

// Candidates are stored by number, so a change of their order is a change of the format: count it here.
constexpr std::string_view kMagic = "pumtun01";

vk::DeviceFileKind kind_for(std::string_view library_version) {
  uint64_t build = checksum64(std::as_bytes(std::span(library_version)));
  for (const EmbeddedShader& shader : embedded_shaders())
    for (const uint32_t word : shader.stored) build = (build ^ word) * 0x100000001b3u;  // FNV-1a by words
  return {.magic = kMagic, .build = build};
}

}  // namespace

bool read_tuning(Kernels& kernels, const std::string& path, std::string_view library_version) {
  const std::vector<std::byte> bytes = vk::read_device_file(kind_for(library_version), path, kernels.caps());
  return !bytes.empty() && kernels.tuning().decode(bytes);
}

Result<void> write_tuning(Kernels& kernels, const std::string& path, std::string_view library_version) {
  return vk::write_device_file(kind_for(library_version), path, kernels.caps(), kernels.tuning().encode());
}

}  // namespace pumice
