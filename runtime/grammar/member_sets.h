// MemberSets: which members of a row in any order have been, as numbers that are made when they are reached.
//
// Ownership: views the members, which must outlive it. Thread rule: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "grammar/rules.h"

namespace pumice::grammar {

// Members as places of a program.
struct MemberPlaces {
  std::vector<uint32_t> keys, others;  // where each row begins
  std::vector<bool> required;
  uint32_t required_count = 0, separator = 0;
  uint32_t min = 0, max = kUnbounded;
};

class MemberSets {
 public:
  static constexpr uint32_t kOther = UINT32_MAX;  // as a key: one that stands for no key

  explicit MemberSets(const std::vector<MemberPlaces>& members) : members_(&members) {}

  uint32_t empty_set(uint32_t members) { return intern({.members = members}); }
  uint32_t with(uint32_t set, uint32_t key);
  // The number here of another's set of the same members.
  uint32_t same(const MemberSets& other, uint32_t set) { return intern(Set(other.sets_[set])); }
  // Where the next rows begin behind which some text completes the whole.
  void append_next(uint32_t set, std::vector<uint32_t>& places) const;
  bool may_end(uint32_t set) const;
  uint32_t separator(uint32_t set) const { return places(set).separator; }
  size_t words() const { return words_; }

 private:
  struct Set {
    uint32_t members = 0, keys = 0, required = 0;  // how many of them
    uint32_t others = 0;                           // as far as it matters
    std::vector<uint64_t> has;
    bool operator==(const Set&) const = default;
  };

  const MemberPlaces& places(uint32_t set) const { return (*members_)[sets_[set].members]; }
  bool can_complete(const Set& set) const;
  uint32_t intern(Set&& set);

  const std::vector<MemberPlaces>* members_;
  std::deque<Set> sets_;
  std::unordered_multimap<uint64_t, uint32_t> set_of_;
  size_t words_ = 0;
};

}  // namespace pumice::grammar
