#include "base/result.h"

#include <cstdarg>
#include <cstdio>

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

void check_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "pumice: bug: %s does not hold at %s:%d\n", expression, file, line);
  std::abort();
}

}  // namespace pumice
