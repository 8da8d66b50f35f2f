// The game's exit codes: those of `pumice`. Printed by --help.
#pragma once

#include "common/exit_codes.h"

namespace pumice_game {

using enum pumice_apps::ExitCode;
using pumice_apps::exit_code_of;
using pumice_apps::ExitCode;
using pumice_apps::Failure;

inline constexpr const char* kExitCodeHelp =
    "Exit codes: 0 done; 1 internal error, or validation messages with --validate; 2 wrong usage; 3 file not found;\n"
    "4 no window or no usable device; 5 a file could not be written; 6 damaged or unsupported file; 8 out of memory;\n"
    "9 device lost; 130 interrupted; 143 terminated.\n";

}  // namespace pumice_game
