// Ctrl-C and SIGTERM: the first one sets a flag that the commands look at, and gives the program some seconds to end by
// itself, which a device that hangs would not let it; the second one ends it at once.
#pragma once

namespace pumice_cli {

// Installs the handlers. Commands that do not look at the flag do not call it, so that one Ctrl-C ends them.
void catch_interrupts();

// From now on Ctrl-C stops a reply, not the program: see take_interrupt().
void interrupts_stop_replies();

// True once a signal came. Any thread.
bool interrupted() noexcept;

// kExitInterrupted or kExitTerminated, as the signal was.
int interrupt_exit_code() noexcept;

// Throws Failure(kExitInterrupted) once a signal came.
void throw_if_interrupted();

// Once a signal has come, what follows may take so many seconds instead of the usual ones. Main thread.
void allow_after_interrupt(unsigned seconds) noexcept;
inline constexpr unsigned kUsualGraceSeconds = 5;

}  // namespace pumice_cli
