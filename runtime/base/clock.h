// Elapsed time.
#pragma once

#include <algorithm>
#include <chrono>

namespace pumice {

inline double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// On the same clock, which begins anywhere.
inline double now_seconds() { return seconds_since({}); }

// For a wait of so many seconds; some decades at most, so that a point in time can be made of it.
inline std::chrono::steady_clock::duration wait_time(double seconds) {
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(seconds > 0 ? std::min(seconds, 1e9) : 0));
}

}  // namespace pumice
