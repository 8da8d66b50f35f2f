// Worker: one thread that does tasks in the order in which they come.
//
// Thread rule: post() from any thread; create and destroy from one.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "base/thread.h"

namespace pumice {

class Worker {
 public:
  using Task = std::function<void()>;

  // name: as Thread's.
  static Result<std::unique_ptr<Worker>> start(const char* name);
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
  Thread thread_;
};

}  // namespace pumice
