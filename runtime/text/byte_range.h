// A stretch of a text.
#pragma once

#include <cstddef>

namespace pumice {

struct ByteRange {
  size_t begin = 0, end = 0;
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

}  // namespace pumice
