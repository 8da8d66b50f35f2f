#include "support/allocation_count.h"

#include <cstdlib>
#include <new>

namespace {

thread_local size_t count = 0, left_to_skip = 0;
thread_local bool armed = false;

// Whether this allocation succeeds.
bool counted() {
  ++count;
  if (!armed) return true;
  if (left_to_skip > 0) {
    --left_to_skip;
    return true;
  }
  armed = false;
  return false;
}

}  // namespace

namespace pumice::test {

size_t thread_allocations() { return count; }

FailingAllocation::FailingAllocation(size_t skip) {
  left_to_skip = skip;
  armed = true;
}

FailingAllocation::~FailingAllocation() { armed = false; }

bool FailingAllocation::failed() { return !armed; }

size_t FailingAllocation::left() { return left_to_skip; }

}  // namespace pumice::test

void* operator new(size_t size) {
  void* const memory = counted() ? std::malloc(size == 0 ? 1 : size) : nullptr;
  if (memory) return memory;
  throw std::bad_alloc();
}
void* operator new[](size_t size) { return operator new(size); }
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  return counted() ? std::malloc(size == 0 ? 1 : size) : nullptr;
}
void* operator new[](size_t size, const std::nothrow_t& no) noexcept { return operator new(size, no); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
