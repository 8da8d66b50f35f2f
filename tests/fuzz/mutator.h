// Mutator: damages bytes at random, the same way for the same seed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace pumice::test {

using Bytes = std::vector<std::byte>;

inline Bytes bytes_of(std::string_view text) {
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}
inline std::string text_of(const Bytes& bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  uint64_t next() { return random_.next(); }
  uint64_t below(uint64_t limit) { return limit > 0 ? random_.next() % limit : 0; }

  // Numbers at the edges of what fits into a file of this size, a field or a product.
  uint64_t extreme(size_t size) {
    static constexpr uint64_t kValues[] = {0,
                                           1,
                                           2,
                                           4,
                                           5,
                                           31,
                                           32,
                                           33,
                                           255,
                                           256,
                                           0x7fffffff,
                                           0x80000000,
                                           0xffffffff,
                                           uint64_t{1} << 32,
                                           uint64_t{1} << 60,
                                           uint64_t{1} << 61,
                                           uint64_t{1} << 62,
                                           uint64_t{1} << 63,
                                           UINT64_MAX,
                                           UINT64_MAX - 7,
                                           UINT64_MAX - 31};
    switch (below(4)) {
      case 0:
        return size - below(64);
      case 1:
        return below(size + 1);
      default:
        return kValues[below(std::size(kValues))];
    }
  }

  // One edit of any kind; `other` is what is spliced in.
  void edit(Bytes& file, const Bytes& other) {
    switch (below(12)) {
      case 0:
      case 1:
        if (const size_t at = position(file, 1); at != SIZE_MAX) file[at] ^= static_cast<std::byte>(1u << below(8));
        break;
      case 2:
        overwrite(file, position(file, 1), static_cast<uint8_t>(next()));
        break;
      case 3:
        file.resize(below(file.size() + 1));
        break;
      case 4:
      case 5:
        overwrite(file, length_field(file), extreme(file.size()));
        break;
      case 6:
        overwrite(file, position(file, 8), extreme(file.size()));
        break;
      case 7:
        overwrite(file, position(file, 4), static_cast<uint32_t>(extreme(file.size())));
        break;
      case 8:
        insert_copy(file);
        break;
      case 9:
        erase_range(file);
        break;
      case 10:
        splice(file, other);
        break;
      default:
        swap_words(file);
        break;
    }
  }

 private:
  // Mostly near the start, where lengths and counts lie.
  size_t position(const Bytes& file, size_t width) {
    if (file.size() < width) return SIZE_MAX;
    const size_t places = file.size() - width + 1;
    return below(4) == 0 ? below(places) : below(std::min<size_t>(places, below(3) == 0 ? 64 : 1024));
  }
  template <typename T>
  static void overwrite(Bytes& file, size_t at, T value) {
    if (at != SIZE_MAX) std::memcpy(file.data() + at, &value, sizeof(T));
  }
  // A place that holds a small number, as lengths and counts do.
  size_t length_field(const Bytes& file) {
    for (int attempt = 0; attempt < 32; ++attempt) {
      const size_t at = position(file, 8);
      uint64_t value = 0;
      if (at == SIZE_MAX) break;
      std::memcpy(&value, file.data() + at, 8);
      if (value > 0 && value <= file.size()) return at;
    }
    return position(file, 8);
  }
  void insert_copy(Bytes& file) {
    const size_t from = position(file, 1);
    if (from == SIZE_MAX) return;
    const size_t length = 1 + below(std::min<size_t>(file.size() - from, 256));
    const Bytes copy(file.begin() + static_cast<ptrdiff_t>(from), file.begin() + static_cast<ptrdiff_t>(from + length));
    file.insert(file.begin() + static_cast<ptrdiff_t>(position(file, 1)), copy.begin(), copy.end());
  }
  void erase_range(Bytes& file) {
    const size_t from = position(file, 1);
    if (from == SIZE_MAX) return;
    const size_t length = 1 + below(std::min<size_t>(file.size() - from, 64));
    file.erase(file.begin() + static_cast<ptrdiff_t>(from), file.begin() + static_cast<ptrdiff_t>(from + length));
  }
  void splice(Bytes& file, const Bytes& other) {
    const size_t keep = below(file.size() + 1), from = below(other.size() + 1);
    file.resize(keep);
    file.insert(file.end(), other.begin() + static_cast<ptrdiff_t>(from), other.end());
  }
  void swap_words(Bytes& file) {
    const size_t a = position(file, 8), b = position(file, 8);
    if (a == SIZE_MAX) return;
    uint64_t first, second;
    std::memcpy(&first, file.data() + a, 8);
    std::memcpy(&second, file.data() + b, 8);
    overwrite(file, a, second);
    overwrite(file, b, first);
  }

  SplitMix random_;
};

}  // namespace pumice::test
