// Worker: one thread that does tasks in the order in which they come.
//
// All signals are blocked in it: the host's handlers run on the host's threads, and a write beyond a limit is an error,
// not the end of the process. Thread rule: post() from any thread; create and destroy from one.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/result.h"

namespace pumice {

class Worker {
 public:
  using Task = std::function<void()>;

  static Result<std::unique_ptr<Worker>> start();
  ~Worker();  // finishes the running task and forgets the others
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void post(Task task);

 private:
  Worker() = default;
  void work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> tasks_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace pumice
