// Checksums against accidental damage. Not for keys, and not against an adversary.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace pumice {

// FNV-1a over 64 bits.
inline uint64_t checksum64(std::span<const std::byte> data) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const std::byte b : data) hash = (hash ^ static_cast<uint64_t>(b)) * 0x100000001b3u;
  return hash;
}

}  // namespace pumice
