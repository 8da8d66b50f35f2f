#include "serve/multipart.h"

#include <algorithm>

#include "serve/exchange.h"

namespace pumice_serve {

namespace {

// `name` of: form-data; name="file"; filename="a.wav"
std::string parameter(std::string_view header, std::string_view name) {
  const std::string key = "; " + std::string(name) + "=";
  const std::size_t at = header.find(key);
  if (at == std::string_view::npos) return {};
  std::string_view value = header.substr(at + key.size());
  if (value.starts_with('"')) return std::string(value.substr(1, value.find('"', 1) - 1));
  return std::string(value.substr(0, value.find_first_of("; \r\n")));
}

std::string_view header_of(std::string_view head, std::string_view name) {
  for (std::size_t at = 0; at < head.size();) {
    const std::size_t end = std::min(head.find("\r\n", at), head.size());
    const std::string_view line = head.substr(at, end - at);
    at = end + 2;
    if (line.size() <= name.size() || line[name.size()] != ':') continue;
    bool same = true;
    for (std::size_t i = 0; i < name.size(); ++i) same = same && (line[i] | 0x20) == (name[i] | 0x20);
    if (same) return line.substr(name.size() + 1);
  }
  return {};
}

}  // namespace

std::vector<FormPart> parse_form(std::string_view content_type, std::string_view body) {
  constexpr std::size_t kMostParts = 64;
  const std::string boundary = parameter(content_type, "boundary");
  if (!content_type.starts_with("multipart/form-data") || boundary.empty())
    throw ApiError(400, "the body must be multipart/form-data");
  const std::string mark = "--" + boundary, between = "\r\n" + mark;
  if (!body.starts_with(mark)) throw ApiError(400, "the form does not begin with its boundary");
  std::vector<FormPart> parts;
  body.remove_prefix(mark.size());
  while (!body.starts_with("--")) {
    const std::size_t head = body.find("\r\n\r\n"), end = body.find(between, head);
    if (!body.starts_with("\r\n") || head == std::string_view::npos || end == std::string_view::npos ||
        parts.size() == kMostParts)
      throw ApiError(400, "the form has a part without an end, or too many");
    const std::string_view disposition = header_of(body.substr(2, head - 2), "Content-Disposition");
    parts.push_back({parameter(disposition, "name"), parameter(disposition, "filename"),
                     body.substr(head + 4, end > head + 4 ? end - head - 4 : 0)});
    body.remove_prefix(end + between.size());
  }
  return parts;
}

}  // namespace pumice_serve
