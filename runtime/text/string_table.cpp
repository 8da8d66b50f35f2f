#include "text/string_table.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <utility>

namespace pumice {

void StringTable::reserve(size_t count, size_t bytes) {
  bytes_.reserve(bytes);
  ends_.reserve(count);
  resize_slots(std::bit_ceil(count + count / 3 + 1));
}

size_t StringTable::slot_of(std::string_view text) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = std::hash<std::string_view>()(text) & mask;
  while (slots_[slot] != kEmpty && (*this)[slots_[slot]] != text) slot = (slot + 1) & mask;
  return slot;
}

void StringTable::resize_slots(size_t slots) {
  if (slots <= slots_.size()) return;
  const std::vector<uint32_t> old = std::exchange(slots_, std::vector<uint32_t>(slots, kEmpty));
  for (const uint32_t number : old)
    if (number != kEmpty) slots_[slot_of((*this)[number])] = number;
}

uint32_t StringTable::add(std::string_view text) {
  const auto number = static_cast<uint32_t>(ends_.size());
  bytes_.insert(bytes_.end(), text.begin(), text.end());
  ends_.push_back(static_cast<uint32_t>(bytes_.size()));
  if (4 * (taken_ + 1) > 3 * slots_.size()) resize_slots(std::max<size_t>(16, 2 * slots_.size()));
  uint32_t& slot = slots_[slot_of(text)];
  if (slot == kEmpty) {
    slot = number;
    ++taken_;
  }
  return number;
}

uint32_t StringTable::intern(std::string_view text) {
  const std::optional<uint32_t> found = find(text);
  return found ? *found : add(text);
}

std::optional<uint32_t> StringTable::find(std::string_view text) const {
  if (slots_.empty()) return std::nullopt;
  const uint32_t number = slots_[slot_of(text)];
  if (number == kEmpty) return std::nullopt;
  return number;
}

}  // namespace pumice
