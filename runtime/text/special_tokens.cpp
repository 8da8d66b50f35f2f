#include "text/special_tokens.h"

#include <algorithm>
#include <map>
#include <queue>

namespace pumice {
namespace {

struct Candidate {
  size_t at;
  uint32_t length;
  int32_t id;
};

struct LongestFirst {
  bool operator()(const Candidate& a, const Candidate& b) const {
    if (a.length != b.length) return a.length < b.length;
    return a.id != b.id ? a.id > b.id : a.at > b.at;
  }
};

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// How many bytes from `at` lie in the range that holds it.
size_t bytes_within(std::span<const ByteRange> ranges, size_t at) {
  const auto after = std::upper_bound(ranges.begin(), ranges.end(), at,
                                      [](size_t place, const ByteRange& range) { return place < range.end; });
  return after != ranges.end() && after->begin <= at ? after->end - at : 0;
}

uint8_t byte_at(std::string_view text, size_t i) { return static_cast<uint8_t>(text[i]); }

}  // namespace

SpecialTokens::SpecialTokens(const TokenTable& table) : table_(&table), first_(257, 0) {
  for (int32_t id = 0; id < table.size(); ++id) {
    const std::string_view name = table.name(id);
    if (name.empty() || name.size() > kMaxBytes || table.find(name) != id) continue;
    if (table.is_special(id) || table.type(id) == TokenType::kUserDefined) sorted_.push_back(id);
  }
  std::sort(sorted_.begin(), sorted_.end(), [&](int32_t a, int32_t b) { return table.name(a) < table.name(b); });
  for (const int32_t id : sorted_) ++first_[byte_at(table.name(id), 0) + 1u];
  for (size_t b = 1; b < first_.size(); ++b) first_[b] += first_[b - 1];
}

SpecialTokens::Match SpecialTokens::longest(std::string_view text, size_t limit, size_t special_limit) const {
  const auto name = [&](int32_t id) { return table_->name(id); };
  auto low = sorted_.begin() + first_[byte_at(text, 0)];
  auto high = sorted_.begin() + first_[byte_at(text, 0) + 1u];
  Match best;
  // [low, high) holds the names that begin with the first `depth` bytes of the text; the shortest sorts first.
  for (size_t depth = 1; low != high; ++depth) {
    if (name(*low).size() == depth) {
      if (depth <= special_limit || !table_->is_special(*low)) best = {static_cast<uint32_t>(depth), *low};
      ++low;
    }
    if (depth == text.size() || depth == limit) break;
    const uint8_t next = byte_at(text, depth);
    low = std::partition_point(low, high, [&](int32_t id) { return byte_at(name(id), depth) < next; });
    high = std::partition_point(low, high, [&](int32_t id) { return byte_at(name(id), depth) == next; });
  }
  return best;
}

std::vector<TextFragment> SpecialTokens::partition(std::string_view text, std::span<const ByteRange> special) const {
  std::vector<Candidate> found;
  for (size_t i = 0; i < text.size(); ++i) {
    const uint8_t byte = byte_at(text, i);
    if (first_[byte] == first_[byte + 1u]) continue;
    const Match match = longest(text.substr(i), kMaxBytes, bytes_within(special, i));
    if (match.length > 0) found.push_back({i, match.length, match.id});
  }
  std::priority_queue<Candidate, std::vector<Candidate>, LongestFirst> queue(LongestFirst{}, std::move(found));
  std::map<size_t, Candidate> accepted;  // by position; they do not overlap
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    const auto after = accepted.lower_bound(best.at);
    if (after != accepted.begin()) {
      const Candidate& before = std::prev(after)->second;
      if (before.at + before.length > best.at) continue;
    }
    if (after == accepted.end() || best.at + best.length <= after->first) {
      accepted.emplace_hint(after, best.at, best);
      continue;
    }
    // A longer token took the end of this one; a shorter name may still fit before it.
    if (after->first == best.at) continue;
    const Match match = longest(text.substr(best.at), after->first - best.at, bytes_within(special, best.at));
    if (match.length > 0) queue.push({best.at, match.length, match.id});
  }
  std::vector<TextFragment> fragments;
  size_t begin = 0;
  const auto add_text = [&](size_t end, bool strip_end) {
    std::string_view part = text.substr(begin, end - begin);
    if (!fragments.empty() && table_->strips(fragments.back().id) == Strips::kAfter)
      while (!part.empty() && is_space(part.front())) part.remove_prefix(1);
    while (strip_end && !part.empty() && is_space(part.back())) part.remove_suffix(1);
    if (!part.empty()) fragments.push_back({part, -1});
  };
  for (const auto& [at, token] : accepted) {
    add_text(at, table_->strips(token.id) == Strips::kBefore);
    fragments.push_back({{}, token.id});
    begin = at + token.length;
  }
  add_text(text.size(), false);
  return fragments;
}

}  // namespace pumice
