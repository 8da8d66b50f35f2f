#include "grammar/member_sets.h"

#include <algorithm>
#include <utility>

namespace pumice::grammar {

uint32_t MemberSets::intern(Set&& set) {
  set.has.resize(((*members_)[set.members].keys.size() + 63) / 64);
  uint64_t hash = uint64_t{set.members} << 32 | set.others;
  for (const uint64_t word : set.has) {
    hash = (hash ^ word) * 0xD6E8FEB86659FD93u;
    hash ^= hash >> 32;
  }
  for (auto [at, end] = set_of_.equal_range(hash); at != end; ++at)
    if (sets_[at->second] == set) return at->second;
  words_ += set.has.size() + 4;
  sets_.push_back(std::move(set));
  const auto number = static_cast<uint32_t>(sets_.size() - 1);
  set_of_.emplace(hash, number);
  return number;
}

uint32_t MemberSets::with(uint32_t number, uint32_t key) {
  Set set = sets_[number];
  const MemberPlaces& members = (*members_)[set.members];
  if (key == kOther) {
    const uint32_t most = members.max != kUnbounded ? members.max : members.min > 0 ? 1 : 0;
    set.others = std::min(set.others + 1, most);
  } else {
    set.has[key / 64] |= uint64_t{1} << (key % 64);
    ++set.keys;
    set.required += members.required[key];
  }
  return intern(std::move(set));
}

bool MemberSets::can_complete(const Set& set) const {
  const MemberPlaces& members = (*members_)[set.members];
  const uint32_t count = set.keys + set.others;
  if (count > members.max) return false;
  const uint32_t room = members.max == kUnbounded ? kUnbounded : members.max - count;
  if (members.required_count - set.required > room) return false;
  const auto left = static_cast<uint32_t>(members.keys.size()) - set.keys;
  const uint32_t other = !members.others.empty() && set.others == 0 ? 1 : 0, counted = set.keys + (set.others > 0);
  return members.min <= counted || members.min - counted <= std::min(room, left + other);
}

bool MemberSets::may_end(uint32_t number) const {
  const Set& set = sets_[number];
  const MemberPlaces& members = (*members_)[set.members];
  return set.required == members.required_count && set.keys + (set.others > 0) >= members.min;
}

void MemberSets::append_next(uint32_t number, std::vector<uint32_t>& next) const {
  Set set = sets_[number];
  const MemberPlaces& members = (*members_)[set.members];
  if (set.required == members.required_count) {
    ++set.others;
    if (can_complete(set)) next.insert(next.end(), members.others.begin(), members.others.end());
    --set.others;
  }
  ++set.keys;
  const bool optional = can_complete(set);
  ++set.required;
  const bool required = can_complete(set);
  for (size_t key = 0; key < members.keys.size(); ++key)
    if (!(set.has[key / 64] >> (key % 64) & 1) && (members.required[key] ? required : optional))
      next.push_back(members.keys[key]);
}

}  // namespace pumice::grammar
