// What the program writes: answers on standard output, everything else on standard error.
// Thread rule: standard output is for the main thread; note() and the like may be called from any thread.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "exit_codes.h"

namespace pumice_cli {

// An error that ends the program: one line without "pumice: " that says what to do next.
class Failure : public std::runtime_error {
 public:
  Failure(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

bool stdout_is_terminal();
bool stderr_is_terminal();

// Writes and flushes; throws Failure(kExitIo) when that fails.
void write_stdout(std::string_view text);
// As write_stdout, but on a terminal control characters other than newline and tab become '?', so that generated text
// cannot steer the terminal.
void write_stdout_text(std::string_view text);

// As it is; failures are ignored.
void write_stderr(std::string_view text);

// One line on standard error, "pumice: TEXT"; clears a progress line first.
void note(std::string_view text);

// A progress line on standard error, redrawn in place; nothing unless that is a terminal. "" clears it.
void show_progress(std::string_view text);

// Control characters become '?': for strings out of files and drivers.
std::string printable(std::string_view text);

// "3.6 MiB"
std::string format_bytes(unsigned long long bytes);

}  // namespace pumice_cli
