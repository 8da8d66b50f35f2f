#include "base/log.h"

#include <cstdarg>
#include <cstdio>

namespace pumice {

void Log::write(LogLevel level, const char* format, ...) const {
  if (!callback_) return;
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  callback_(level, text);
}

}  // namespace pumice
