// ByteSet: a set of byte values.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace pumice::grammar {

class ByteSet {
 public:
  constexpr ByteSet() = default;
  static constexpr ByteSet all() { return ~ByteSet(); }
  static constexpr ByteSet range(uint32_t first, uint32_t last) {
    ByteSet set;
    for (uint32_t byte = first; byte <= last; ++byte) set.add(byte);
    return set;
  }

  constexpr void add(uint32_t byte) { words_[byte >> 6 & 3] |= uint64_t{1} << (byte & 63); }
  constexpr bool has(uint32_t byte) const { return words_[byte >> 6 & 3] >> (byte & 63) & 1; }
  constexpr bool empty() const { return (words_[0] | words_[1] | words_[2] | words_[3]) == 0; }
  int count() const {
    int sum = 0;
    for (const uint64_t word : words_) sum += std::popcount(word);
    return sum;
  }
  // The smallest byte that is at least `from`; 256 if there is none.
  uint32_t next(uint32_t from) const {
    for (uint32_t word = from >> 6; word < 4; ++word) {
      const uint64_t rest = words_[word] & (word == from >> 6 ? ~uint64_t{0} << (from & 63) : ~uint64_t{0});
      if (rest != 0) return word * 64 + static_cast<uint32_t>(std::countr_zero(rest));
    }
    return 256;
  }
  uint64_t word(size_t i) const { return words_[i]; }

  constexpr ByteSet& operator|=(const ByteSet& other) {
    for (size_t i = 0; i < 4; ++i) words_[i] |= other.words_[i];
    return *this;
  }
  constexpr ByteSet& operator&=(const ByteSet& other) {
    for (size_t i = 0; i < 4; ++i) words_[i] &= other.words_[i];
    return *this;
  }
  constexpr ByteSet operator~() const {
    ByteSet set;
    for (size_t i = 0; i < 4; ++i) set.words_[i] = ~words_[i];
    return set;
  }
  constexpr bool operator==(const ByteSet&) const = default;

 private:
  std::array<uint64_t, 4> words_ = {};
};

}  // namespace pumice::grammar
