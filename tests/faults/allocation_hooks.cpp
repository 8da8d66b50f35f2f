#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <utility>

#include "faults/allocation_faults.h"

namespace pumice::faults {
namespace {

enum class Mode { kOff, kRecord, kAt, kStack };
std::atomic<Mode> mode{Mode::kOff};
std::atomic<int64_t> countdown{0}, seen{0}, live{0};
std::atomic<uint64_t> wanted{0};
std::atomic<bool> sticky{false};
std::atomic<int> failed{0};
thread_local bool inside = false;

std::mutex mutex;
std::map<uint64_t, PumiceCallStack>& stacks() {
  static std::map<uint64_t, PumiceCallStack> all;
  return all;
}

// Whether the allocation is to fail; *own: whether it is the library's.
bool fails(const void* caller, bool* own) {
  const Mode now = mode.load(std::memory_order_relaxed);
  *own = false;
  if (inside) return false;
  if (now == Mode::kOff) return *own = pumice_own_code_calls(caller, nullptr), false;
  PumiceCallStack stack;
  const int kept = errno;
  *own = pumice_own_code_calls(caller, &stack);
  errno = kept;
  if (!*own) return false;
  ++seen;
  bool fail = false;
  if (now == Mode::kRecord) {
    inside = true;
    std::lock_guard lock(mutex);
    stacks().emplace(stack.hash, stack);
    inside = false;
  } else if (now == Mode::kAt) {
    const int64_t left = countdown.fetch_sub(1);
    fail = left == 1 || (left < 1 && sticky);
  } else {
    fail = stack.hash == wanted && (failed == 0 || sticky);
  }
  failed += fail;
  return fail;
}

// In front of each block of operator new: the library's are in a ring, the newest first.
struct alignas(alignof(std::max_align_t)) Header {
  Header *next, *before;  // null: another's block
  const void* caller;
};
Header ring{&ring, &ring, nullptr};
std::atomic_flag ring_busy;

struct RingLock {
  RingLock() {
    while (ring_busy.test_and_set(std::memory_order_acquire)) {
    }
  }
  ~RingLock() { ring_busy.clear(std::memory_order_release); }
};

void enter(Header* header, const void* caller) {
  const RingLock lock;
  *header = {ring.next, &ring, caller};
  ring.next = header->next->before = header;
  ++live;
}
void leave(Header* header) {
  const RingLock lock;
  header->before->next = header->next;
  header->next->before = header->before;
  --live;
}

}  // namespace

void record_allocations(bool on) {
  if (on) {
    std::lock_guard lock(mutex);
    stacks().clear();
    seen = 0;
  }
  mode = on ? Mode::kRecord : Mode::kOff;
}
std::vector<PumiceCallStack> recorded_stacks() {
  std::lock_guard lock(mutex);
  std::vector<PumiceCallStack> all;
  for (const auto& [hash, stack] : stacks()) all.push_back(stack);
  return all;
}
int64_t recorded_allocations() { return seen; }

void fail_allocation(int64_t at, bool all_later) {
  countdown = at, sticky = all_later, failed = 0;
  mode = Mode::kAt;
}
void fail_allocation_from(uint64_t stack_hash) {
  wanted = stack_hash, sticky = false, failed = 0;
  mode = Mode::kStack;
}
void fail_no_allocation() { mode = Mode::kOff; }
int failed_allocations() { return failed; }
int64_t live_allocations() { return live; }

std::vector<const void*> newest_callers(size_t count) {
  std::vector<const void*> callers(count);
  size_t found = 0;
  const RingLock lock;
  for (const Header* at = ring.next; at != &ring && found < count; at = at->next) callers[found++] = at->caller;
  callers.resize(found);
  return callers;
}

}  // namespace pumice::faults

using pumice::faults::Header;

static void* allocate(size_t size, const void* caller) {
  bool own = false;
  if (pumice::faults::fails(caller, &own)) return nullptr;
  const bool before = std::exchange(pumice::faults::inside, true);
  auto* header = static_cast<Header*>(std::malloc(size + sizeof(Header)));
  pumice::faults::inside = before;
  if (!header) return nullptr;
  *header = {};
  if (own) pumice::faults::enter(header, caller);
  return header + 1;
}

#define PUMICE_ALLOCATE(size) allocate(size, __builtin_return_address(0))

void* operator new(size_t size) {
  if (void* memory = PUMICE_ALLOCATE(size)) return memory;
  throw std::bad_alloc();
}
void* operator new[](size_t size) {
  if (void* memory = PUMICE_ALLOCATE(size)) return memory;
  throw std::bad_alloc();
}
void* operator new(size_t size, const std::nothrow_t&) noexcept { return PUMICE_ALLOCATE(size); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return PUMICE_ALLOCATE(size); }
void operator delete(void* memory) noexcept {
  if (!memory) return;
  Header* header = static_cast<Header*>(memory) - 1;
  if (header->next) pumice::faults::leave(header);
  std::free(header);
}
void operator delete(void* memory, size_t) noexcept { operator delete(memory); }
void operator delete[](void* memory) noexcept { operator delete(memory); }
void operator delete[](void* memory, size_t) noexcept { operator delete(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { operator delete(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { operator delete(memory); }

// What the C libraries under the library allocate.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);

static bool refused(const void* caller) {
  using pumice::faults::mode;
  if (mode.load(std::memory_order_relaxed) == pumice::faults::Mode::kOff) return false;
  bool own = false;
  if (!pumice::faults::fails(caller, &own)) return false;
  errno = ENOMEM;
  return true;
}
void* malloc(size_t size) { return refused(__builtin_return_address(0)) ? nullptr : __libc_malloc(size); }
void* calloc(size_t count, size_t size) {
  return refused(__builtin_return_address(0)) ? nullptr : __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) {
  return refused(__builtin_return_address(0)) ? nullptr : __libc_realloc(memory, size);
}
}
#endif
