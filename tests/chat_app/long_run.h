#pragma once

#include <ctime>

namespace pumice::test {

// Whether tests do all of what they can, which takes long.
inline bool& long_run() {
  static bool on = false;
  return on;
}

// Of the calling thread, which others of the machine do not lengthen.
inline double thread_cpu_ms() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

}  // namespace pumice::test
