#include "kv/tiers/worker.h"

namespace pumice {

Result<std::unique_ptr<Worker>> Worker::start(const char* name) {
  std::unique_ptr<Worker> worker(new Worker);
  PUMICE_ASSIGN(worker->thread_, Thread::start(name, [raw = worker.get()] { raw->work(); }));
  return worker;
}

Worker::~Worker() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  static_cast<void>(thread_.join());
}

void Worker::post(Task task) {
  {
    std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
}

void Worker::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stop_ || !tasks_.empty(); });
    if (stop_) return;
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    try {
      task();
    } catch (...) {
      // What the task held is given back on the way here; a page less in a cache.
    }
    task = nullptr;
    lock.lock();
  }
}

}  // namespace pumice
