#include "interrupt.h"

#include <unistd.h>

#include <csignal>
#include <cstring>

#include "output.h"

namespace pumice_cli {

namespace {

// A signal handler can reach nothing but a global. Not cancelling from the handler itself: it may run on a driver's
// thread, where the request could be destroyed at the same time.
volatile std::sig_atomic_t interrupt_signal = 0;

extern "C" void on_interrupt(int number) {
  interrupt_signal = number;
  struct sigaction fatal = {};
  fatal.sa_handler = SIG_DFL;
  sigaction(SIGINT, &fatal, nullptr);
  sigaction(SIGTERM, &fatal, nullptr);
  alarm(kUsualGraceSeconds);
}

// What was generated has been written: nothing is buffered.
extern "C" void on_grace_over(int) {
  static constexpr char kText[] = "\npumice: interrupted; something does not end, so the program ends without it\n";
  (void)!write(STDERR_FILENO, kText, sizeof(kText) - 1);
  _exit(interrupt_exit_code());
}

}  // namespace

void catch_interrupts() {
  struct sigaction action = {};
  action.sa_handler = on_interrupt;  // no SA_RESTART: a read from standard input ends, too
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  action.sa_handler = on_grace_over;
  sigaction(SIGALRM, &action, nullptr);
}

bool interrupted() noexcept { return interrupt_signal != 0; }

int interrupt_exit_code() noexcept { return interrupt_signal == SIGTERM ? kExitTerminated : kExitInterrupted; }

void throw_if_interrupted() {
  if (interrupted()) throw Failure(kExitInterrupted, "interrupted");
}

void allow_after_interrupt(unsigned seconds) noexcept {
  if (interrupted()) alarm(seconds);
}

}  // namespace pumice_cli
