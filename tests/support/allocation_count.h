// Counts and failures of operator new in the calling thread. They rest on the replaced operators of
// allocation_count.cpp. Thread rule: for the thread that made it.
#pragma once

#include <cstddef>

namespace pumice::test {

size_t thread_allocations();

// How often operator new has been called since the object was made.
class AllocationCount {
 public:
  AllocationCount() : before_(thread_allocations()) {}
  size_t allocations() const { return thread_allocations() - before_; }

 private:
  size_t before_;
};

// While it lives, one allocation fails: the one after `skip` that do not. One lives at a time.
class FailingAllocation {
 public:
  explicit FailingAllocation(size_t skip);
  ~FailingAllocation();
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;
  static bool failed();
  static size_t left();  // allocations before the one that fails
};

}  // namespace pumice::test
