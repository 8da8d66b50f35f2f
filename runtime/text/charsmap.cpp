#include "text/charsmap.h"

#include <cstring>

namespace pumice {
namespace {

// Of a unit: bits 10 to 30 are the offset to its children, in steps of 256 where bit 9 is set; bit 8 says that a value
// is among them; bits 0 to 7 are the byte that leads to it; with bit 31 it is a value.
uint32_t offset_of(uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); }
bool has_value(uint32_t unit) { return (unit >> 8 & 1) != 0; }
uint32_t label_of(uint32_t unit) { return unit & (1u << 31 | 0xFF); }
uint32_t value_of(uint32_t unit) { return unit & ~(1u << 31); }

}  // namespace

Result<Charsmap> Charsmap::create(std::span<const std::byte> bytes) {
  Charsmap map;
  if (bytes.empty()) return map;
  uint32_t size = 0;
  if (bytes.size() >= sizeof(size)) std::memcpy(&size, bytes.data(), sizeof(size));
  if (bytes.size() < sizeof(size) || size >= bytes.size() - sizeof(size))
    return error(Status::kMalformed,
                 "tokenizer.ggml.precompiled_charsmap of %zu bytes says that its table has %u bytes", bytes.size(),
                 size);
  map.units_.resize(size / sizeof(uint32_t));
  if (!map.units_.empty())
    std::memcpy(map.units_.data(), bytes.data() + sizeof(size), map.units_.size() * sizeof(uint32_t));
  map.replacements_.assign(reinterpret_cast<const char*>(bytes.data()) + sizeof(size) + size,
                           bytes.size() - sizeof(size) - size);
  return map;
}

Charsmap::Match Charsmap::longest(std::string_view text) const {
  Match best;
  if (units_.empty()) return best;
  uint32_t node = offset_of(unit(0));
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    node ^= byte;
    const uint32_t here = unit(node);
    if (byte == 0 || label_of(here) != byte) break;
    node ^= offset_of(here);
    if (!has_value(here)) continue;
    const uint32_t at = value_of(unit(node));
    const size_t end = at < replacements_.size() ? replacements_.find('\0', at) : std::string::npos;
    if (end != std::string::npos) best = {i + 1, std::string_view(replacements_).substr(at, end - at)};
  }
  return best;
}

}  // namespace pumice
