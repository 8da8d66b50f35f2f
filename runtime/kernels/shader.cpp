#include "kernels/shader.h"

#include "vk/embedded_shaders.h"

namespace pumice {

Shader Shader::named(std::string_view name) {
  for (const ShaderRow& row : kShaderTable)
    if (row.name == name) return {row.kernel, row.form, row.axis};
  return {};
}

bool Shader::built() const { return find_embedded_shader(name()) != nullptr; }

}  // namespace pumice
