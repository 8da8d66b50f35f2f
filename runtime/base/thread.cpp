#include "base/thread.h"

#include <pthread.h>

#include <csignal>
#include <exception>
#include <new>
#include <utility>

namespace pumice {
namespace {

Result<void> run(const std::function<void()>& work) noexcept {
  try {
    work();
    return {};
  } catch (...) {
    return caught_error();
  }
}

// The new thread inherits the mask with which it is started.
Result<void> start_blocked(const char* name, void* (*entry)(void*), void* argument, bool detached, pthread_t* thread) {
  sigset_t all, before;
  sigfillset(&all);
  for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS}) sigdelset(&all, own);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int failed = ::pthread_create(thread, nullptr, entry, argument);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failed != 0) return error(Status::kOutOfHostMemory, "the system starts no more threads: close other programs");
#ifdef __linux__
  if (!detached) ::pthread_setname_np(*thread, name);
#else
  static_cast<void>(name);
#endif
  if (detached) ::pthread_detach(*thread);
  return {};
}

}  // namespace

struct Thread::Running {
  std::function<void()> work;
  pthread_t thread{};
  Result<void> outcome;

  static void* enter(void* self) {
    Running& running = *static_cast<Running*>(self);
    running.outcome = run(running.work);
    return nullptr;
  }
};

Result<Thread> Thread::start(const char* name, std::function<void()> work) {
  auto running = std::make_unique<Running>();
  running->work = std::move(work);
  PUMICE_TRY(start_blocked(name, Running::enter, running.get(), false, &running->thread));
  Thread thread;
  thread.running_ = std::move(running);
  return thread;
}

Result<void> Thread::start_detached(const char* name, std::function<void()> work) {
  auto owned = std::make_unique<std::function<void()>>(std::move(work));
  const auto enter = [](void* argument) -> void* {
    const std::unique_ptr<std::function<void()>> mine(static_cast<std::function<void()>*>(argument));
    static_cast<void>(run(*mine));
    return nullptr;
  };
  pthread_t thread;
  PUMICE_TRY(start_blocked(name, enter, owned.get(), true, &thread));
  static_cast<void>(owned.release());
  return {};
}

Thread::Thread() = default;
Thread::Thread(Thread&& other) noexcept = default;

Thread& Thread::operator=(Thread&& other) noexcept {
  std::swap(running_, other.running_);
  return *this;
}

Thread::~Thread() {
  if (running_) static_cast<void>(::pthread_join(running_->thread, nullptr));
}

Result<void> Thread::join() {
  if (!running_) return {};
  ::pthread_join(running_->thread, nullptr);
  const std::unique_ptr<Running> ended = std::move(running_);
  return std::move(ended->outcome);
}

Error caught_error() noexcept {
  try {
    try {
      throw;
    } catch (const std::bad_alloc&) {
      return {Status::kOutOfHostMemory, "out of memory"};
    } catch (const std::exception& thrown) {
      return error(Status::kInternal, "%s", thrown.what());
    } catch (...) {
      return {Status::kInternal, "something was thrown"};
    }
  } catch (...) {  // no memory for the words
    return {Status::kOutOfHostMemory, {}};
  }
}

}  // namespace pumice
