// Log: where the library's messages go. The library itself never writes to stderr; without a callback they are dropped.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace pumice {

enum class LogLevel : int32_t { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };

// Called from any thread that uses the library; the text is one line without a newline and lives only for the call.
using LogCallback = std::function<void(LogLevel, std::string_view)>;

class Log {
 public:
  Log() = default;
  explicit Log(LogCallback callback) : callback_(std::move(callback)) {}

  [[gnu::format(printf, 3, 4)]] void write(LogLevel level, const char* format, ...) const;

 private:
  LogCallback callback_;
};

}  // namespace pumice
