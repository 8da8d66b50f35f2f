// SplitMix64 (Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, 2014). Not for secrets.
#pragma once

#include <cstdint>

namespace pumice {

// A bijection that spreads numbers which lie close together (the generator's finaliser).
constexpr uint64_t mix64(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

// Thread rule: one thread at a time.
class SplitMix {
 public:
  constexpr explicit SplitMix(uint64_t seed) : state_(seed) {}
  constexpr uint64_t next() { return mix64(state_ += 0x9e3779b97f4a7c15u); }

 private:
  uint64_t state_;
};

}  // namespace pumice
