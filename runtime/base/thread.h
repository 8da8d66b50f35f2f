// Thread: a thread of the library's.
//
// All signals but those of a thread's own faults are blocked in it, so that the host's handlers run on the host's
// threads. Nothing that is thrown in it ends the process: join() says what it was.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"

namespace pumice {

// Move-only; thread rule: one owner.
class Thread {
 public:
  // name: 15 characters at most, for debuggers. Status::kOutOfHostMemory: the system starts no more threads.
  static Result<Thread> start(const char* name, std::function<void()> work);
  // One that nobody waits for; `work` owns all that it uses.
  static Result<void> start_detached(const char* name, std::function<void()> work);

  Thread();
  Thread(Thread&& other) noexcept;
  Thread& operator=(Thread&& other) noexcept;
  ~Thread();  // joins

  bool joinable() const { return running_ != nullptr; }
  // Waits for the end. An error: what was thrown; kOutOfHostMemory or kInternal.
  Result<void> join();

 private:
  struct Running;
  std::unique_ptr<Running> running_;
};

// The error for what is being handled; called in a catch block. Throws nothing.
Error caught_error() noexcept;

}  // namespace pumice
