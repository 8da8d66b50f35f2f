#include "output.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "common/system.h"
#include "common/utf8.h"
#include "interrupt.h"

namespace pumice_cli {

namespace {

using pumice_apps::Stream;

// Whether a progress line is on the screen: as process-wide as the screen is. The library's threads may log, too.
std::atomic<bool>& progress_shown() {
  static std::atomic<bool> shown = false;
  return shown;
}

bool obeyed_or_hidden(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

std::string made_printable(std::string_view text, bool keep_layout) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = pumice_apps::utf8_character_length(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(length, 1));
    const char32_t code = length == 0 ? 0 : pumice_apps::utf8_code_point(character);
    const bool layout = keep_layout && (code == '\n' || code == '\t') && length > 0;
    if (length == 0)
      clean += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
    else if (obeyed_or_hidden(code) && !layout)
      clean += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(code));
    else
      clean += character;
    text.remove_prefix(character.size());
  }
  return clean;
}

void write_stdout_raw(std::string_view text) {
  show_progress("");
  const int reason = pumice_apps::write_all(Stream::kOutput, text);
  if (reason == 0) return;
  throw_if_interrupted();
  throw Failure(kExitIo, fmt::format("cannot write to standard output: {}", pumice_apps::reason_text(reason)));
}

// Nowhere is left to report a failure to.
void write_stderr_raw(std::string_view text) { (void)pumice_apps::write_all(Stream::kError, text); }

}  // namespace

bool stdout_is_terminal() {
  static const bool terminal = pumice_apps::is_terminal(Stream::kOutput);
  return terminal;
}

bool stderr_is_terminal() {
  static const bool terminal = pumice_apps::is_terminal(Stream::kError);
  return terminal;
}

void write_stdout(std::string_view text) {
  if (stdout_is_terminal())
    write_stdout_raw(made_printable(text, true));
  else
    write_stdout_raw(text);
}

void steer_stdout(std::string_view sequence) {
  if (stdout_is_terminal()) write_stdout_raw(sequence);
}

void write_stderr(std::string_view text) { write_stderr_raw(made_printable(text, true)); }

void note(std::string_view text) {
  show_progress("");
  write_stderr_raw(fmt::format("pumice: {}\n", printable(text)));
}

void show_progress(std::string_view text) {
  if (!stderr_is_terminal() || (text.empty() && !progress_shown())) return;
  write_stderr_raw(fmt::format("\r\x1b[K{}", printable(text)));
  progress_shown() = !text.empty();
}

std::string printable(std::string_view text) { return made_printable(text, false); }

std::string format_bytes(unsigned long long bytes) {
  const double value = static_cast<double>(bytes);
  if (bytes >= 1ULL << 30) return fmt::format("{:.2f} GiB", value / (1ULL << 30));
  if (bytes >= 1ULL << 20) return fmt::format("{:.1f} MiB", value / (1ULL << 20));
  if (bytes >= 1ULL << 10) return fmt::format("{:.1f} KiB", value / (1ULL << 10));
  return fmt::format("{} bytes", bytes);
}

}  // namespace pumice_cli
