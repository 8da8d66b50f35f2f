#include "output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace pumice_cli {

namespace {

// Whether a progress line is on the screen: as process-wide as the screen is. The library's threads may log, too.
std::atomic<bool>& progress_shown() {
  static std::atomic<bool> shown = false;
  return shown;
}

std::string without_controls(std::string_view text, bool keep_layout) {
  std::string clean(text);
  for (char& c : clean) {
    const bool layout = c == '\n' || c == '\t';
    if ((static_cast<unsigned char>(c) < 0x20 && !(keep_layout && layout)) || c == 0x7f) c = '?';
  }
  return clean;
}

}  // namespace

bool stdout_is_terminal() {
  static const bool terminal = isatty(STDOUT_FILENO) == 1;
  return terminal;
}

bool stderr_is_terminal() {
  static const bool terminal = isatty(STDERR_FILENO) == 1;
  return terminal;
}

void write_stdout(std::string_view text) {
  show_progress("");
  errno = 0;
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (written && !std::ferror(stdout)) return;
  const int reason = errno != 0 ? errno : EIO;
  throw Failure(kExitIo, fmt::format("cannot write to standard output: {}", std::strerror(reason)));
}

void write_stdout_text(std::string_view text) {
  if (stdout_is_terminal()) {
    write_stdout(without_controls(text, true));
  } else {
    write_stdout(text);
  }
}

void write_stderr(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);  // nowhere is left to report a failure to
  std::fflush(stderr);
}

void note(std::string_view text) {
  show_progress("");
  write_stderr(fmt::format("pumice: {}\n", text));
}

void show_progress(std::string_view text) {
  if (!stderr_is_terminal() || (text.empty() && !progress_shown())) return;
  write_stderr(fmt::format("\r\x1b[K{}", text));
  progress_shown() = !text.empty();
}

std::string printable(std::string_view text) { return without_controls(text, false); }

std::string format_bytes(unsigned long long bytes) {
  const double value = static_cast<double>(bytes);
  if (bytes >= 1ULL << 30) return fmt::format("{:.2f} GiB", value / (1ULL << 30));
  if (bytes >= 1ULL << 20) return fmt::format("{:.1f} MiB", value / (1ULL << 20));
  if (bytes >= 1ULL << 10) return fmt::format("{:.1f} KiB", value / (1ULL << 10));
  return fmt::format("{} bytes", bytes);
}

}  // namespace pumice_cli
