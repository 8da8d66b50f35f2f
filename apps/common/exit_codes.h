// The applications' exit codes, a part of their contract, and the error that ends one. Header alone.
#pragma once

#include <stdexcept>
#include <string>

#include "pumice/pumice.h"

namespace pumice_apps {

enum ExitCode {
  kExitOk = 0,
  kExitInternal = 1,  // a bug, validation messages with --validate, or problems with --strict
  kExitUsage = 2,     // wrong command line or argument
  kExitNotFound = 3,  // a file that does not exist or cannot be read
  kExitNoDevice = 4,  // no usable device, none that matches --device, or no window system
  kExitIo = 5,        // writing the output failed (closed, disk full)
  kExitBadModel = 6,  // a model, a savegame or another file that is read is malformed or not supported
  kExitContextTooSmall = 7,
  kExitOutOfMemory = 8,  // of the host or of the device
  kExitDeviceLost = 9,
  kExitWrongResults = 10,  // 'pumice bench': the device computes wrong results
  kExitDownload = 11,      // 'pumice pull': the network failed, or what came is not what was promised
  kExitInterrupted = 130,  // Ctrl-C
  kExitTerminated = 143,   // SIGTERM
};

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

// An error that ends the program: one line without "pumice: " that says what to do next.
class Failure : public std::runtime_error {
 public:
  Failure(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const noexcept { return code_; }

 private:
  ExitCode code_;
};

}  // namespace pumice_apps
