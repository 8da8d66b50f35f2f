#include "kv/tiers/worker.h"

namespace pumice {

Result<std::unique_ptr<Worker>> Worker::start(const char* name) {
  std::unique_ptr<Worker> worker(new Worker);
  PUMICE_ASSIGN(worker->thread_, Thread::start(name, [raw = worker.get()] { raw->work(); }));
  return worker;
}

Worker::~Worker() {
  stop({});
  static_cast<void>(thread_.join());
}

bool Worker::stop(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  stop_ = true;
  wake_.notify_all();
  return end_.wait_until(lock, deadline, [this] { return ended_; });
}

void Worker::post(Task task) {
  {
    std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  wake_.notify_one();
}

void Worker::work() {
  run_tasks();
  std::lock_guard lock(mutex_);
  ended_ = true;
  end_.notify_all();
}

void Worker::run_tasks() {
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

bool stop_workers(std::initializer_list<Worker*> workers, std::chrono::steady_clock::time_point deadline) {
  bool ended = true;
  for (Worker* worker : workers) ended &= !worker || worker->stop(deadline);
  return ended;
}

}  // namespace pumice
