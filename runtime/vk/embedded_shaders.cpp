#include "vk/embedded_shaders.h"

#include <algorithm>

namespace pumice {

const EmbeddedShader* find_embedded_shader(std::string_view name) {
  const auto shaders = embedded_shaders();
  const auto found =
      std::lower_bound(shaders.begin(), shaders.end(), name,
                       [](const EmbeddedShader& shader, std::string_view key) { return shader.name < key; });
  return found != shaders.end() && found->name == name ? &*found : nullptr;
}

}  // namespace pumice
