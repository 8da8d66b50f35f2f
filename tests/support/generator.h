// Inputs for tests: seeded random numbers that are the same with every compiler and library, NaN fills that show
// which outputs a kernel left unwritten, and guard words that show what it wrote beside them.
//
// Thread rule: a Generator belongs to one thread; the functions are pure.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/random.h"

namespace pumice::test {

// The distributions of the standard library differ between implementations, so these are written out.
class Generator {
 public:
  explicit Generator(uint64_t seed) : bits_(seed) {}

  uint64_t bits() { return bits_.next(); }

  // Uniform in [0, n); n > 0.
  uint32_t below(uint32_t n) { return static_cast<uint32_t>(((bits() >> 32) * n) >> 32); }

  // Uniform in [low, high).
  double uniform(double low = 0.0, double high = 1.0) {
    return low + (high - low) * std::ldexp(static_cast<double>(bits() >> 11), -53);
  }

  // Box and Muller's transform.
  double normal(double mean = 0.0, double deviation = 1.0) {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
    return mean + deviation * radius * std::cos(2.0 * std::numbers::pi * uniform());
  }

  std::vector<float> uniforms(size_t count, double low = 0.0, double high = 1.0) {
    std::vector<float> values(count);
    for (float& value : values) value = static_cast<float>(uniform(low, high));
    return values;
  }

  std::vector<float> normals(size_t count, double mean = 0.0, double deviation = 1.0) {
    std::vector<float> values(count);
    for (float& value : values) value = static_cast<float>(normal(mean, deviation));
    return values;
  }

  // Numbers below n, with repetition.
  std::vector<uint32_t> indices(size_t count, uint32_t n) {
    std::vector<uint32_t> values(count);
    for (uint32_t& value : values) value = below(n);
    return values;
  }

  // 0..n-1 in random order: a page table that no sequential kernel gets right by accident.
  std::vector<uint32_t> permutation(uint32_t n) {
    std::vector<uint32_t> values(n);
    for (uint32_t i = 0; i < n; ++i) values[i] = i;
    for (uint32_t i = n; i > 1; --i) std::swap(values[i - 1], values[below(i)]);
    return values;
  }

 private:
  SplitMix bits_;
};

inline void fill_nan(std::span<float> values) {
  for (float& value : values) value = std::numeric_limits<float>::quiet_NaN();
}

inline std::vector<float> nan_vector(size_t count) {
  return std::vector<float>(count, std::numeric_limits<float>::quiet_NaN());
}

// The word of a quiet NaN, to fill raw buffers of floats; two quiet f16 NaNs as well.
inline constexpr uint32_t kNanWord = 0x7fff7fffu;

// Guards before and after a buffer's body. 256 bytes, the largest minStorageBufferOffsetAlignment that Vulkan allows,
// so the body may be bound at its offset. The pattern depends on the index, so shifted copies show too.
inline constexpr size_t kGuardWords = 64;

inline uint32_t guard_word(size_t index) { return 0xa5c30000u ^ (static_cast<uint32_t>(index) * 0x9e3779b1u); }

// Guards, `body_words` words of `fill`, guards.
inline std::vector<uint32_t> guarded_words(size_t body_words, uint32_t fill = kNanWord) {
  std::vector<uint32_t> words(body_words + 2 * kGuardWords, fill);
  for (size_t i = 0; i < kGuardWords; ++i) {
    words[i] = guard_word(i);
    words[kGuardWords + body_words + i] = guard_word(kGuardWords + body_words + i);
  }
  return words;
}

// The body between the guards of a guarded buffer.
inline std::span<uint32_t> guarded_body(std::span<uint32_t> words) {
  return words.subspan(kGuardWords, words.size() - 2 * kGuardWords);
}
inline std::span<const uint32_t> guarded_body(std::span<const uint32_t> words) {
  return words.subspan(kGuardWords, words.size() - 2 * kGuardWords);
}

// The first guard word that was overwritten, as its index relative to the body: negative before it, and at least the
// body's size after it. Nothing where all are whole.
inline std::optional<ptrdiff_t> broken_guard(std::span<const uint32_t> words) {
  const size_t body_end = words.size() - kGuardWords;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i == kGuardWords) i = body_end;
    if (words[i] != guard_word(i)) return static_cast<ptrdiff_t>(i) - static_cast<ptrdiff_t>(kGuardWords);
  }
  return std::nullopt;
}

}  // namespace pumice::test
