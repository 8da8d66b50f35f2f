// ThreadTeam: threads that do the same work, side by side, until it is done.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <vector>

#include "base/thread.h"

namespace pumice {

// One thread starts and joins it.
class ThreadTeam {
 public:
  ThreadTeam() = default;
  ~ThreadTeam();  // waits for the threads
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  // Once. Up to `count` threads run work(): as many as the system gives, which may be none; returns how many.
  size_t start(size_t count, std::function<void()> work);
  // Waits for all of them, then throws what the first one threw that did.
  void join();

 private:
  void run() noexcept;
  void wait() noexcept;

  std::function<void()> work_;
  std::vector<Thread> threads_;
  std::mutex mutex_;
  std::exception_ptr thrown_;
};

}  // namespace pumice
