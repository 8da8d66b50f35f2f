#pragma once

namespace pumice::test {

// Whether tests do all of what they can, which takes long.
inline bool& long_run() {
  static bool on = false;
  return on;
}

}  // namespace pumice::test
