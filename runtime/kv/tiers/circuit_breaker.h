// CircuitBreaker: after failures in a row nobody tries for a while; then one does, and its luck decides.
//
// The pauses double from kFirstPause to kLongestPause. Thread rule: any thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <utility>

namespace pumice {

class CircuitBreaker {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr uint32_t kFailures = 3;
  static constexpr Clock::duration kFirstPause = std::chrono::milliseconds(250);
  static constexpr Clock::duration kLongestPause = std::chrono::seconds(30);

  // Whether an attempt may be made now; whoever is told so reports succeeded(), failed() or undecided().
  bool allow(Clock::time_point now) {
    std::lock_guard lock(mutex_);
    if (failures_ < kFailures) return true;
    if (now < next_try_ || probing_) return false;
    return probing_ = true;
  }
  // The same without the duty.
  bool closed(Clock::time_point now) const {
    std::lock_guard lock(mutex_);
    return failures_ < kFailures || now >= next_try_;
  }
  void succeeded() {
    std::lock_guard lock(mutex_);
    failures_ = 0;
    pause_ = kFirstPause;
    probing_ = false;
  }
  void failed(Clock::time_point now) {
    std::lock_guard lock(mutex_);
    probing_ = false;
    if (++failures_ < kFailures) return;
    next_try_ = now + pause_;
    pause_ = std::min(2 * pause_, kLongestPause);
  }
  // The attempt said nothing about the other side.
  void undecided() {
    std::lock_guard lock(mutex_);
    probing_ = false;
  }

  // An attempt that was allowed; undecided unless something else is reported, as when an exception passes.
  class Attempt {
   public:
    explicit Attempt(CircuitBreaker& breaker) : breaker_(&breaker) {}
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;
    ~Attempt() {
      if (breaker_) breaker_->undecided();
    }
    void succeeded() { std::exchange(breaker_, nullptr)->succeeded(); }
    void failed(Clock::time_point now) { std::exchange(breaker_, nullptr)->failed(now); }

   private:
    CircuitBreaker* breaker_;
  };

 private:
  mutable std::mutex mutex_;
  uint32_t failures_ = 0;
  bool probing_ = false;
  Clock::time_point next_try_;
  Clock::duration pause_ = kFirstPause;
};

}  // namespace pumice
