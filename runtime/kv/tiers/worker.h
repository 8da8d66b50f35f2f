// Worker: one thread that does tasks in the order in which they come.
//
// Thread rule: post() from any thread; create and destroy from one.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>

#include "base/thread.h"

namespace pumice {

class Worker {
 public:
  using Task = std::function<void()>;

  // name: as Thread's.
  static Result<std::unique_ptr<Worker>> start(const char* name);
  ~Worker();  // finishes the running task, however long it takes, and forgets the others
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void post(Task task);
  // Begins no task any more. false: one still runs at the deadline.
  bool stop(std::chrono::steady_clock::time_point deadline);

 private:
  Worker() = default;
  void work();
  void run_tasks();

  std::mutex mutex_;
  std::condition_variable wake_, end_;
  std::deque<Task> tasks_;
  bool stop_ = false, ended_ = false;
  Thread thread_;
};

// Each of them that is not null; whether all have ended.
bool stop_workers(std::initializer_list<Worker*> workers, std::chrono::steady_clock::time_point deadline);

}  // namespace pumice
