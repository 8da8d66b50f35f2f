// The program's exit codes: part of its contract, printed by `pumice --help`.
#pragma once

#include "pumice/pumice.h"

namespace pumice_cli {

enum ExitCode {
  kExitOk = 0,
  kExitInternal = 1,  // a bug, validation messages with --validate, or problems with --strict
  kExitUsage = 2,     // wrong command line or argument
  kExitNotFound = 3,  // a file that does not exist or cannot be read
  kExitNoDevice = 4,  // no usable device, or none that matches --device
  kExitIo = 5,        // writing the output failed (closed, disk full)
  kExitBadModel = 6,  // a model file, or a file to compare, is malformed or not supported
  kExitContextTooSmall = 7,
  kExitOutOfMemory = 8,  // of the host or of the device
  kExitDeviceLost = 9,
  kExitWrongResults = 10,  // 'pumice bench': the device computes wrong results
  kExitDownload = 11,      // 'pumice pull': the network failed, or what came is not what was promised
  kExitInterrupted = 130,  // Ctrl-C
  kExitTerminated = 143,   // SIGTERM
};

inline constexpr const char* kExitCodeHelp =
    "Exit codes: 0 done; 1 internal error; 2 wrong usage; 3 file not found or unreadable; 4 no usable device;\n"
    "5 output could not be written; 6 malformed or unsupported file; 7 context too small for the prompt;\n"
    "8 out of memory; 9 device lost; 10 wrong results (bench); 11 download failed (pull);\n"
    "130 interrupted (Ctrl-C); 143 terminated (SIGTERM).\n";

inline ExitCode exit_code_of(PumiceResult result) {
  switch (result) {
    case PUMICE_OK:
      return kExitOk;
    case PUMICE_INVALID_ARGUMENT:
      return kExitUsage;
    case PUMICE_NOT_FOUND:
      return kExitNotFound;
    case PUMICE_MALFORMED:
    case PUMICE_UNSUPPORTED:
      return kExitBadModel;
    case PUMICE_OUT_OF_HOST_MEMORY:
    case PUMICE_OUT_OF_DEVICE_MEMORY:
      return kExitOutOfMemory;
    case PUMICE_DEVICE_LOST:
      return kExitDeviceLost;
    case PUMICE_IO:
      return kExitNotFound;  // the library only reads files for this program
    case PUMICE_CANCELLED:
      return kExitInterrupted;
    case PUMICE_CONTEXT_FULL:
      return kExitContextTooSmall;
    case PUMICE_TIMEOUT:
    case PUMICE_INTERNAL:
      return kExitInternal;
  }
  return kExitInternal;
}

}  // namespace pumice_cli
