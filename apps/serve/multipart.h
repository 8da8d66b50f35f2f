// multipart/form-data (RFC 7578), as forms and clients send files. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pumice_serve {

struct FormPart {
  std::string name, file;  // file: its name; empty: the part is a text
  std::string_view body;   // of the whole body, which outlives it
};

// Throws ApiError(400).
std::vector<FormPart> parse_form(std::string_view content_type, std::string_view body);

}  // namespace pumice_serve
