// UTF-8, as RFC 3629 has it.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace pumice_apps {

// Length of the well-formed character at the start of a text that is not empty; 0 if there is none.
std::size_t utf8_character_length(std::string_view text);

// Of one well-formed character.
char32_t utf8_code_point(std::string_view character);

// Offset of the first byte that does not belong to well-formed UTF-8.
std::optional<std::size_t> invalid_utf8_at(std::string_view text);

}  // namespace pumice_apps
