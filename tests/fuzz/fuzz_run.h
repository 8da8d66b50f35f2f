// What the mutating programs share: their options, a count of what is asked of the heap, and the line of JSON at the
// end.
//
//   NAME [--count N | --slice-of N] [--seed S]
//
// --slice-of: a tenth of them, other ones for each PUMICE_TEST_SLICE; all if it is "all" (tests/support/slice.h).
// Included once by a program, as it replaces operator new and delete. One thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/clock.h"
#include "support/slice.h"

namespace pumice::test {

inline size_t allocated = 0;  // bytes asked for since it was last set to 0

struct FuzzOptions {
  uint64_t count = 0, seed = 1;
  int next_argument = 1;  // the first that is no option
};

inline FuzzOptions fuzz_options(int argc, char** argv, uint64_t count) {
  FuzzOptions options{.count = count};
  int& at = options.next_argument;
  for (; at + 1 < argc; at += 2) {
    if (std::strcmp(argv[at], "--count") == 0) {
      options.count = std::strtoull(argv[at + 1], nullptr, 10);
    } else if (std::strcmp(argv[at], "--slice-of") == 0) {
      const std::optional<size_t> slice = asked_slice();
      options.count = std::strtoull(argv[at + 1], nullptr, 10) / (slice ? 10 : 1);
      options.seed += slice.value_or(0);
    } else if (std::strcmp(argv[at], "--seed") == 0) {
      options.seed = std::strtoull(argv[at + 1], nullptr, 10);
    } else {
      break;
    }
  }
  return options;
}

class FuzzTotals {
 public:
  // try_one() -> whether the input was accepted.
  template <typename Try>
  void add(Try&& try_one) {
    const auto start = std::chrono::steady_clock::now();
    ++(try_one() ? accepted_ : rejected_);
    slowest_ms_ = std::max(slowest_ms_, 1e3 * seconds_since(start));
  }
  void print() const {
    std::printf("{\"files\":%llu,\"accepted\":%llu,\"rejected\":%llu,\"seconds\":%.2f,\"slowest_ms\":%.2f}\n",
                static_cast<unsigned long long>(accepted_ + rejected_), static_cast<unsigned long long>(accepted_),
                static_cast<unsigned long long>(rejected_), seconds_since(start_), slowest_ms_);
  }

 private:
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  uint64_t accepted_ = 0, rejected_ = 0;
  double slowest_ms_ = 0;
};

// Unlike an invariant's, this check ends the program: what was found must be seen.
#define FUZZ_CHECK(expression)                                                            \
  do {                                                                                    \
    if (!(expression)) {                                                                  \
      std::fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #expression); \
      std::abort();                                                                       \
    }                                                                                     \
  } while (false)

}  // namespace pumice::test

void* operator new(size_t size) {
  pumice::test::allocated += size;
  if (void* memory = std::malloc(size > 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
void* operator new(size_t size, const std::nothrow_t&) noexcept {  // of std::stable_sort
  pumice::test::allocated += size;
  return std::malloc(size > 0 ? size : 1);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
