// IdMap: a hash table from 64-bit block ids to small values; flat, so that it allocates only when it grows.
//
// Ids are never 0 (which stands for "no block" everywhere). Pointers to values live until the next change of the table.
// Thread rule: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/result.h"

namespace pumice {

template <typename Value>
class IdMap {
 public:
  size_t size() const { return size_; }

  // Room for so many without growing.
  void reserve(size_t count) {
    size_t slots = kFewest;
    while (slots * 3 < count * 4) slots *= 2;  // at most three quarters full
    if (slots > entries_.size()) rebuild(slots);
  }

  const Value* find(uint64_t id) const {
    if (entries_.empty()) return nullptr;
    const Entry& entry = entries_[slot_of(id)];
    return entry.id == id ? &entry.value : nullptr;
  }
  Value* find(uint64_t id) { return const_cast<Value*>(std::as_const(*this).find(id)); }

  // The value of the id; Value{} when it is new.
  Value& operator[](uint64_t id) {
    PUMICE_CHECK(id != 0);
    reserve(size_ + 1);
    Entry& entry = entries_[slot_of(id)];
    if (entry.id == 0) {
      entry = {id, Value{}};
      ++size_;
    }
    return entry.value;
  }

  bool erase(uint64_t id) {
    if (entries_.empty()) return false;
    size_t hole = slot_of(id);
    if (entries_[hole].id != id) return false;
    // What lies behind in the same run moves up, so that no search ends early.
    for (size_t next = step(hole); entries_[next].id != 0; next = step(next)) {
      const size_t home = home_of(entries_[next].id);
      const bool reachable = ((next - home) & mask()) >= ((next - hole) & mask());
      if (!reachable) continue;
      entries_[hole] = entries_[next];
      hole = next;
    }
    entries_[hole] = {};
    --size_;
    return true;
  }

  void clear() {
    entries_.assign(entries_.size(), {});
    size_ = 0;
  }

  // keep(id, value) may change the value; false erases it.
  template <typename Keep>
  void filter(Keep keep) {
    const std::vector<Entry> old = std::exchange(entries_, std::vector<Entry>(entries_.size()));
    size_ = 0;
    for (Entry entry : old) {
      if (entry.id == 0 || !keep(entry.id, entry.value)) continue;
      entries_[slot_of(entry.id)] = entry;
      ++size_;
    }
  }

 private:
  struct Entry {
    uint64_t id = 0;
    Value value{};
  };
  static constexpr size_t kFewest = 16;

  size_t mask() const { return entries_.size() - 1; }
  size_t step(size_t slot) const { return (slot + 1) & mask(); }
  size_t home_of(uint64_t id) const { return static_cast<size_t>(mix64(id)) & mask(); }
  size_t slot_of(uint64_t id) const {
    size_t slot = home_of(id);
    while (entries_[slot].id != 0 && entries_[slot].id != id) slot = step(slot);
    return slot;
  }
  void rebuild(size_t slots) {
    const std::vector<Entry> old = std::exchange(entries_, std::vector<Entry>(slots));
    for (const Entry& entry : old)
      if (entry.id != 0) entries_[slot_of(entry.id)] = entry;
  }

  std::vector<Entry> entries_;  // a power of two of them, or none
  size_t size_ = 0;
};

}  // namespace pumice
