#include "kv/worker.h"

#include <csignal>
#include <new>
#include <system_error>

namespace pumice {

Result<std::unique_ptr<Worker>> Worker::start() {
  std::unique_ptr<Worker> worker(new Worker);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // the new thread inherits the mask
  bool started = true;
  try {
    worker->thread_ = std::thread([raw = worker.get()] { raw->work(); });
  } catch (const std::system_error&) {
    started = false;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (!started) return error(Status::kOutOfHostMemory, "the system starts no more threads: close other programs");
  return worker;
}

Worker::~Worker() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
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
    } catch (const std::bad_alloc&) {
      // What the task held is given back on the way here; a page less in a cache.
    }
    task = nullptr;
    lock.lock();
  }
}

}  // namespace pumice
