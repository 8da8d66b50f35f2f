#include "base/thread.h"

#include <exception>
#include <new>
#include <utility>

#include "base/thread_system.h"

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

}  // namespace

struct Thread::Running {
  std::function<void()> work;
  uintptr_t thread = 0;
  Result<void> outcome;

  static void enter(void* self) noexcept {
    Running& running = *static_cast<Running*>(self);
    running.outcome = run(running.work);
  }
};

Result<Thread> Thread::start(const char* name, std::function<void()> work) {
  auto running = std::make_unique<Running>();
  running->work = std::move(work);
  PUMICE_ASSIGN(running->thread, thread_system::start(name, Running::enter, running.get()));
  Thread thread;
  thread.running_ = std::move(running);
  return thread;
}

Result<void> Thread::start_detached(const char* name, std::function<void()> work) {
  auto owned = std::make_unique<std::function<void()>>(std::move(work));
  constexpr auto kEnter = [](void* argument) noexcept {
    const std::unique_ptr<std::function<void()>> mine(static_cast<std::function<void()>*>(argument));
    static_cast<void>(run(*mine));
  };
  PUMICE_ASSIGN(const uintptr_t thread, thread_system::start(name, +kEnter, owned.get()));
  static_cast<void>(owned.release());
  thread_system::detach(thread);
  return {};
}

Thread::Thread() = default;
Thread::Thread(Thread&& other) noexcept = default;

Thread& Thread::operator=(Thread&& other) noexcept {
  std::swap(running_, other.running_);
  return *this;
}

Thread::~Thread() {
  if (running_) thread_system::join(running_->thread);
}

Result<void> Thread::join() {
  if (!running_) return {};
  thread_system::join(running_->thread);
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
