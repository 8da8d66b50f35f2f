// What the program writes: answers on standard output, everything else on standard error.
// Thread rule: standard output is for the main thread; note() and the like may be called from any thread.
#pragma once

#include <string>
#include <string_view>

#include "exit_codes.h"

namespace pumice_cli {

bool stdout_is_terminal();
bool stderr_is_terminal();

// Writes all of it at once: on a terminal made printable but for newlines and tabs, so that no file, model or server
// can steer it; elsewhere as it is. Throws Failure: kExitIo when it cannot be written, kExitInterrupted when a signal
// came while nobody read.
void write_stdout(std::string_view text);
// A sequence of this program's own that steers the terminal; nothing elsewhere.
void steer_stdout(std::string_view sequence);

// Made printable but for newlines and tabs; failures are ignored.
void write_stderr(std::string_view text);

// One line on standard error, "pumice: TEXT", made printable; clears a progress line first.
void note(std::string_view text);

// A progress line on standard error, redrawn in place; nothing unless that is a terminal. "" clears it.
void show_progress(std::string_view text);

// What a terminal would not show as it is, or obey: controls (C0, C1, DEL), marks that turn the direction of writing,
// line separators and bytes that are no UTF-8 become \u001b and \xff. JSON text stays JSON.
std::string printable(std::string_view text);

// "3.6 MiB"
std::string format_bytes(unsigned long long bytes);

}  // namespace pumice_cli
