#include "text/prefix_tree.h"

#include <algorithm>

namespace pumice {

PrefixTree::PrefixTree(Names names) {
  std::stable_sort(names.begin(), names.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  // Level by level: the names [begin, end) share the `depth` bytes that lead to their node.
  struct Range {
    uint32_t begin, end, depth;
  };
  std::vector<Range> ranges = {{0, static_cast<uint32_t>(names.size()), 0}};
  bytes_.push_back(0);
  for (size_t node = 0; node < ranges.size(); ++node) {
    auto [at, end, depth] = ranges[node];
    const bool named = depth > 0 && at < end && names[at].first.size() == depth;
    ids_.push_back(named ? names[at].second : -1);
    while (at < end && names[at].first.size() == depth) ++at;
    children_.push_back(static_cast<uint32_t>(ranges.size()));
    while (at < end) {
      const auto byte_at = [d = depth](const auto& name) { return static_cast<uint8_t>(name.first[d]); };
      const uint8_t byte = byte_at(names[at]);
      uint32_t next = at + 1;
      while (next < end && byte_at(names[next]) == byte) ++next;
      ranges.push_back({at, next, depth + 1});
      bytes_.push_back(byte);
      at = next;
    }
  }
  children_.push_back(static_cast<uint32_t>(ranges.size()));
  first_.fill(kNone);
  for (uint32_t node = children_[kRoot]; node < children_[kRoot + 1]; ++node) first_[bytes_[node]] = node;
}

uint32_t PrefixTree::step(uint32_t node, uint8_t byte) const {
  if (node == kRoot) return first_[byte];
  const auto begin = bytes_.begin() + children_[node];
  const auto end = bytes_.begin() + children_[node + 1];
  const auto found = std::lower_bound(begin, end, byte);
  return found != end && *found == byte ? static_cast<uint32_t>(found - bytes_.begin()) : kNone;
}

PrefixTree::Match PrefixTree::longest(std::string_view text) const {
  Match best;
  uint32_t node = kRoot;
  for (size_t i = 0; i < text.size(); ++i) {
    node = step(node, static_cast<uint8_t>(text[i]));
    if (node == kNone) break;
    if (id(node) >= 0) best = {i + 1, id(node)};
  }
  return best;
}

}  // namespace pumice
