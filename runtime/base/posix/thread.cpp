#include <pthread.h>

#include <csignal>
#include <cstring>
#include <memory>

#include "base/thread_system.h"

namespace pumice::thread_system {
namespace {

static_assert(sizeof(pthread_t) == sizeof(uintptr_t));

struct Start {
  void (*entry)(void*) noexcept;
  void* argument;
};

void* enter(void* start) {
  const std::unique_ptr<Start> mine(static_cast<Start*>(start));
  mine->entry(mine->argument);
  return nullptr;
}

pthread_t of(uintptr_t number) {
  pthread_t thread;
  std::memcpy(&thread, &number, sizeof thread);
  return thread;
}

}  // namespace

// The new thread inherits the mask with which it is started.
Result<uintptr_t> start(const char* name, void (*entry)(void*) noexcept, void* argument) {
  auto start = std::make_unique<Start>(Start{entry, argument});
  sigset_t all, before;
  sigfillset(&all);
  for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) sigdelset(&all, own);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const int failed = ::pthread_create(&thread, nullptr, enter, start.get());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failed != 0) return error(Status::kOutOfHostMemory, "the system starts no more threads: close other programs");
  static_cast<void>(start.release());
#ifdef __linux__
  ::pthread_setname_np(thread, name);
#else
  static_cast<void>(name);
#endif
  uintptr_t number = 0;
  std::memcpy(&number, &thread, sizeof thread);
  return number;
}

void join(uintptr_t thread) { ::pthread_join(of(thread), nullptr); }
void detach(uintptr_t thread) { ::pthread_detach(of(thread)); }

}  // namespace pumice::thread_system
