// StringTable: many strings one behind the other, and which of them has a text: some 12 bytes a string beside its own,
// where a vector of strings and a map take over 100.
//
// Numbers count from 0 in the order of adding. Views stay valid until the next add; moving keeps them. Thread rule:
// const methods from any number of threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace pumice {

class StringTable {
 public:
  static constexpr size_t kMaxBytes = UINT32_MAX;  // of all strings together: who adds more is wrong

  void reserve(size_t count, size_t bytes);
  // Number of the new string. find() goes on giving the first of equal ones.
  uint32_t add(std::string_view text);
  // Number of the first string that is equal, which is added where there is none.
  uint32_t intern(std::string_view text);
  std::optional<uint32_t> find(std::string_view text) const;

  size_t size() const { return ends_.size(); }
  std::string_view operator[](size_t i) const {
    const uint32_t begin = i == 0 ? 0 : ends_[i - 1];
    return {bytes_.data() + begin, ends_[i] - begin};
  }

 private:
  static constexpr uint32_t kEmpty = UINT32_MAX;
  // Where the text's number is, or the empty slot where it would be.
  size_t slot_of(std::string_view text) const;
  void resize_slots(size_t slots);

  std::vector<char> bytes_;
  std::vector<uint32_t> ends_;   // of each string in bytes_
  std::vector<uint32_t> slots_;  // numbers, by hash, linear probing; a power of two, at most three quarters taken
  size_t taken_ = 0;             // slots
};

}  // namespace pumice
