// roof: what the micro-benchmarks must leave behind. Thread rule: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pumice::reference {

// The sum of the words that each of `lanes` lanes reads, four at a time.
inline std::vector<uint32_t> roof_read(std::span<const uint32_t> words, size_t lanes) {
  std::vector<uint32_t> sums(lanes);
  for (size_t i = 0; i < words.size(); ++i) sums[i / 4 % lanes] += words[i];
  return sums;
}

// The sum of the first words of the 64-byte lines in each of `parts` parts.
inline std::vector<uint32_t> roof_lines(std::span<const uint32_t> words, size_t parts) {
  const size_t lines = (words.size() + 15) / 16, part = (lines + parts - 1) / parts;
  std::vector<uint32_t> sums(parts);
  for (size_t line = 0; line < lines; ++line) sums[line / part] += words[16 * line];
  return sums;
}

// The sum of a lane's eight chains, which start at (lane + chain) % 8.
inline float roof_chains(uint32_t lane, uint32_t iterations, float factor, float offset) {
  float sum = 0;
  for (uint32_t chain = 0; chain < 8; ++chain) {
    float x = static_cast<float>((lane + chain) % 8);
    for (uint32_t i = 0; i < iterations; ++i) x = x * factor + offset;
    sum += x;
  }
  return sum;
}

// The same with dot products of four signed bytes; 32-bit sums wrap.
inline uint32_t roof_int8(uint32_t lane, uint32_t iterations, int32_t factor, int32_t offset) {
  const auto byte = [](uint32_t word, int i) { return static_cast<int8_t>(word >> (8 * i) & 0xff); };
  uint32_t sum = 0;
  for (uint32_t chain = 0; chain < 8; ++chain) {
    uint32_t x = (lane + chain) % 8;
    for (uint32_t i = 0; i < iterations; ++i) {
      int32_t dot = 0;
      for (int j = 0; j < 4; ++j) dot += byte(x, j) * byte(static_cast<uint32_t>(factor), j);
      x = static_cast<uint32_t>(dot) + static_cast<uint32_t>(offset);
    }
    sum += x;
  }
  return sum;
}

// Each element of the sum of four accumulators that start at 0, 1, 2, 3; all elements of A are a, all of B are b.
inline float roof_matrix(uint32_t iterations, uint32_t k, float a, float b) {
  float sum = 0;
  for (uint32_t chain = 0; chain < 4; ++chain)
    sum += static_cast<float>(chain) + static_cast<float>(iterations * k) * a * b;
  return sum;
}

}  // namespace pumice::reference
