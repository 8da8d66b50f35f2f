// The exit codes of `pumice`, as its --help prints them.
#pragma once

#include "common/exit_codes.h"

namespace pumice_cli {

using enum pumice_apps::ExitCode;
using pumice_apps::exit_code_of;
using pumice_apps::ExitCode;
using pumice_apps::Failure;

inline constexpr const char* kExitCodeHelp =
    "Exit codes: 0 done; 1 internal error; 2 wrong usage; 3 file not found or unreadable; 4 no usable device;\n"
    "5 output could not be written; 6 malformed or unsupported file; 7 context too small for the prompt;\n"
    "8 out of memory; 9 device lost; 10 wrong results (bench); 11 download failed (pull);\n"
    "130 interrupted (Ctrl-C); 143 terminated (SIGTERM).\n";

}  // namespace pumice_cli
