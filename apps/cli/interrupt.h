// Ctrl-C and SIGTERM: the first one sets a flag that the commands look at; the second one ends the program at once.
#pragma once

namespace pumice_cli {

// Installs the handlers. Commands that do not look at the flag do not call it, so that one Ctrl-C ends them.
void catch_interrupts();

// True once a signal came. Any thread.
bool interrupted() noexcept;

// Throws Failure(kExitInterrupted) once a signal came.
void throw_if_interrupted();

}  // namespace pumice_cli
