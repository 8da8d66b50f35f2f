#include "base/thread_team.h"

#include <new>
#include <utility>

namespace pumice {

ThreadTeam::~ThreadTeam() { wait(); }

size_t ThreadTeam::start(size_t count, std::function<void()> work) {
  work_ = std::move(work);
  threads_.reserve(count);
  try {
    while (threads_.size() < count) {
      Result<Thread> started = Thread::start("pumice team", [this] { run(); });
      if (!started) break;
      threads_.push_back(std::move(*started));
    }
  } catch (const std::bad_alloc&) {  // as if the system gave no more
  }
  return threads_.size();
}

void ThreadTeam::run() noexcept {
  try {
    work_();
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!thrown_) thrown_ = std::current_exception();
  }
}

void ThreadTeam::wait() noexcept {
  threads_.clear();  // each is waited for
}

void ThreadTeam::join() {
  wait();
  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
}

}  // namespace pumice
