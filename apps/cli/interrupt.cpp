#include "interrupt.h"

#include "common/system.h"
#include "output.h"

namespace pumice_cli {

namespace {

// What was generated has been written: nothing is buffered.
pumice_apps::SignalPlan signal_plan() {
  return {.grace_seconds = kUsualGraceSeconds,
          .last_words = "\npumice: interrupted; something does not end, so the program ends without it\n",
          .interrupted = kExitInterrupted,
          .terminated = kExitTerminated};
}

}  // namespace

void catch_interrupts() { pumice_apps::catch_signals(signal_plan()); }

void interrupts_stop_replies() {
  pumice_apps::SignalPlan plan = signal_plan();
  plan.program_goes_on = true;
  pumice_apps::catch_signals(plan);
}

// Requests are not cancelled by the handler itself: it may run on a driver's thread, where the request could be
// destroyed at the same time.
bool interrupted() noexcept { return pumice_apps::caught_signal() != pumice_apps::Caught::kNone; }

int interrupt_exit_code() noexcept {
  return pumice_apps::caught_signal() == pumice_apps::Caught::kTerminate ? kExitTerminated : kExitInterrupted;
}

void throw_if_interrupted() {
  if (interrupted()) throw Failure(kExitInterrupted, "interrupted");
}

void allow_after_interrupt(unsigned seconds) noexcept { pumice_apps::allow_seconds(seconds); }

}  // namespace pumice_cli
