#include "engine/record_thread.h"

#include <utility>

namespace pumice {

RecordThread::~RecordThread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  (void)thread_.join();
}

bool RecordThread::begin(std::function<void()> work) {
  if (!thread_.joinable()) {
    Result<Thread> started = Thread::start("pumice record", [this] { run(); });
    if (!started) return false;
    thread_ = std::move(*started);
  }
  {
    const std::lock_guard lock(mutex_);
    work_ = std::move(work);
    busy_ = true;
  }
  changed_.notify_all();
  return true;
}

bool RecordThread::idle() {
  const std::lock_guard lock(mutex_);
  return !busy_;
}

void RecordThread::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !busy_; });
}

bool RecordThread::stopping() {
  const std::lock_guard lock(mutex_);
  return stop_;
}

void RecordThread::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return busy_ || stop_; });
    if (!busy_) return;
    lock.unlock();
    work_();
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

}  // namespace pumice
