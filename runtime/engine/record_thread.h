// RecordThread: records what a host's frames are to submit, beside them.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>

#include "base/thread.h"

namespace pumice {

// Thread rule: one owner.
class RecordThread {
 public:
  RecordThread() = default;
  RecordThread(const RecordThread&) = delete;
  RecordThread& operator=(const RecordThread&) = delete;
  ~RecordThread();  // waits for what it does

  // While it is idle. False: the system gives no thread. `work` throws nothing.
  bool begin(std::function<void()> work);
  bool idle();
  void wait();  // until it is idle
  bool stopping();  // asked by `work`

 private:
  void run();

  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::function<void()> work_;
  bool busy_ = false, stop_ = false;
  Thread thread_;
};

}  // namespace pumice
