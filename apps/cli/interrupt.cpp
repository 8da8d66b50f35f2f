#include "interrupt.h"

#include <csignal>

#include "output.h"

namespace pumice_cli {

namespace {

// A signal handler can reach nothing but a global. Not cancelling from the handler itself: it may run on a driver's
// thread, where the request could be destroyed at the same time.
volatile std::sig_atomic_t interrupt_flag = 0;

extern "C" void on_interrupt(int) {
  interrupt_flag = 1;
  struct sigaction fatal = {};
  fatal.sa_handler = SIG_DFL;
  sigaction(SIGINT, &fatal, nullptr);
  sigaction(SIGTERM, &fatal, nullptr);
}

}  // namespace

void catch_interrupts() {
  struct sigaction action = {};
  action.sa_handler = on_interrupt;  // no SA_RESTART: a read from standard input ends, too
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() noexcept { return interrupt_flag != 0; }

void throw_if_interrupted() {
  if (interrupted()) throw Failure(kExitInterrupted, "interrupted");
}

}  // namespace pumice_cli
