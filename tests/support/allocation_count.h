// AllocationCount: how often this thread has called operator new since the object was made. It rests on the replaced
// operators of allocation_count.cpp. Thread rule: for the thread that made it.
#pragma once

#include <cstddef>

namespace pumice::test {

size_t thread_allocations();

class AllocationCount {
 public:
  AllocationCount() : before_(thread_allocations()) {}
  size_t allocations() const { return thread_allocations() - before_; }

 private:
  size_t before_;
};

}  // namespace pumice::test
