// The game's exit codes: those of `pumice` where they mean the same. Printed by --help.
#pragma once

#include <stdexcept>
#include <string>

namespace pumice_game {

enum ExitCode {
  kExitOk = 0,
  kExitInternal = 1,  // a bug, or a message of the validation layer with --validate
  kExitUsage = 2,
  kExitNotFound = 3,  // a file that is not there or cannot be read
  kExitNoDevice = 4,  // no window system, or no device that can draw
  kExitIo = 5,        // a file could not be written
  kExitBadFile = 6,   // a model or a savegame that is damaged or not supported
  kExitOutOfMemory = 8,
  kExitDeviceLost = 9,
  kExitInterrupted = 130,
  kExitTerminated = 143,
};

inline constexpr const char* kExitCodeHelp =
    "Exit codes: 0 done; 1 internal error, or validation messages with --validate; 2 wrong usage; 3 file not found;\n"
    "4 no window or no usable device; 5 a file could not be written; 6 damaged or unsupported file; 8 out of memory;\n"
    "9 device lost; 130 interrupted; 143 terminated.\n";

// Ends the game: one line that says what to do next.
class Failure : public std::runtime_error {
 public:
  Failure(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

}  // namespace pumice_game
