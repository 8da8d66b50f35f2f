#include "base/result.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace pumice {

Error error(Status status, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  va_list measured;
  va_copy(measured, arguments);
  const int length = std::vsnprintf(nullptr, 0, format, measured);
  va_end(measured);
  std::string message(length > 0 ? static_cast<size_t>(length) : 0, '\0');
  std::vsnprintf(message.data(), message.size() + 1, format, arguments);
  va_end(arguments);
  return {status, std::move(message)};
}

BrokenInvariant::BrokenInvariant(const char* expression, const char* file, int line) noexcept {
  // From the source folder on: where the library was built is nobody's business.
  const char* const place = std::strstr(file, "runtime/");
  std::snprintf(text_, sizeof text_, "a bug in Pumice: \"%s\" does not hold at %s:%d", expression, place ? place : file,
                line);
}

void check_failed(const char* expression, const char* file, int line) {
  throw BrokenInvariant(expression, file, line);
}

}  // namespace pumice
