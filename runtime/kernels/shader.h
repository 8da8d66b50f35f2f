// Shader: a variant of shaders/variants.json, by the table that the build makes of that file.
//
// Thread rule: a value.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <utility>

#include "kernels/shader_table.h"

namespace pumice {

class Shader {
 public:
  constexpr Shader() = default;  // none
  // none where the kernel is not listed with that form and value of its matrix axis.
  constexpr Shader(ShaderKernel kernel, ShaderForm form = ShaderForm::kPlain, uint32_t axis = 0);
  static Shader named(std::string_view name);

  constexpr explicit operator bool() const { return row_ != kNone; }
  constexpr auto operator<=>(const Shader&) const = default;
  constexpr std::string_view name() const { return *this ? kShaderTable[row_].name : "none"; }
  constexpr ShaderForm form() const { return *this ? kShaderTable[row_].form : ShaderForm::kPlain; }
  constexpr bool is(ShaderKernel kernel) const { return *this && kShaderTable[row_].kernel == kernel; }
  // False where it is none, or the compiler lacked the extension that variants.json requires for it.
  bool built() const;

 private:
  static constexpr uint16_t kNone = 0xffff;
  uint16_t row_ = kNone;
};

namespace shader_detail {

using Entry = std::pair<uint32_t, uint16_t>;  // what a row is, and the row

constexpr uint32_t key(ShaderKernel kernel, ShaderForm form, uint32_t axis) {
  return static_cast<uint32_t>(kernel) << 16 | static_cast<uint32_t>(form) << 8 | axis;
}

inline constexpr auto kByKey = [] {
  std::array<Entry, std::size(kShaderTable)> entries;
  for (size_t row = 0; row < entries.size(); ++row) {
    const ShaderRow& listed = kShaderTable[row];
    entries[row] = {key(listed.kernel, listed.form, listed.axis), static_cast<uint16_t>(row)};
  }
  std::sort(entries.begin(), entries.end());
  return entries;
}();

}  // namespace shader_detail

constexpr Shader::Shader(ShaderKernel kernel, ShaderForm form, uint32_t axis) {
  const uint32_t key = shader_detail::key(kernel, form, axis);
  const auto* found = std::lower_bound(shader_detail::kByKey.begin(), shader_detail::kByKey.end(),
                                       shader_detail::Entry(key, uint16_t{0}));
  if (axis <= 0xff && found != shader_detail::kByKey.end() && found->first == key) row_ = found->second;
}

}  // namespace pumice
