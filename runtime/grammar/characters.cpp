#include "grammar/characters.h"

#include <algorithm>
#include <string>

#include "base/json.h"
#include "text/unicode.h"

namespace pumice::grammar {

void CharSet::add(uint32_t first, uint32_t last) {
  if (first < 0xD800) add_plain(first, std::min(last, 0xD7FFu));
  if (last > 0xDFFF) add_plain(std::max(first, 0xE000u), std::min(last, 0x10FFFFu));
}

void CharSet::add_plain(uint32_t first, uint32_t last) {
  if (first > last) return;
  const auto touches = [](const auto& range, uint32_t point) { return range.second + 1 < point; };
  auto from = std::lower_bound(ranges_.begin(), ranges_.end(), first, touches);
  auto to = from;
  for (; to != ranges_.end() && to->first <= last + 1; ++to) {
    first = std::min(first, to->first);
    last = std::max(last, to->second);
  }
  from = ranges_.erase(from, to);
  ranges_.insert(from, {first, last});
}

void CharSet::add(const CharSet& other) {
  for (const auto& [first, last] : other.ranges_) add_plain(first, last);
}

CharSet CharSet::complement() const {
  CharSet result;
  uint32_t from = 0;
  for (const auto& [first, last] : ranges_) {
    if (first > from) result.add(from, first - 1);
    from = last + 1;
  }
  if (from <= 0x10FFFF) result.add(from, 0x10FFFF);
  return result;
}

bool CharSet::has(uint32_t point) const {
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [&](const auto& range) { return range.first <= point && point <= range.second; });
}

// Cuts the range where the length of UTF-8 or a leading byte changes, until every byte has a range of its own.
void Characters::add_range(std::vector<ExprId>& out, uint32_t first, uint32_t last) {
  for (const uint32_t end : {0x7Fu, 0x7FFu, 0xFFFFu})
    if (first <= end && last > end) {
      add_range(out, first, end);
      return add_range(out, end + 1, last);
    }
  for (uint32_t bits = 6; bits <= 18 && last > 0x7F; bits += 6) {
    const uint32_t mask = (1u << bits) - 1;
    if ((first & ~mask) == (last & ~mask)) break;
    if ((first & mask) != 0) {
      add_range(out, first, first | mask);
      return add_range(out, (first | mask) + 1, last);
    }
    if ((last & mask) != mask) {
      add_range(out, first, (last & ~mask) - 1);
      return add_range(out, last & ~mask, last);
    }
  }
  std::string low, high;
  append_utf8(low, first);
  append_utf8(high, last);
  ExprId expr = kEmptyText;
  for (size_t i = low.size(); i-- > 0;)
    expr =
        arena_.concat(arena_.bytes(ByteSet::range(static_cast<uint8_t>(low[i]), static_cast<uint8_t>(high[i]))), expr);
  out.push_back(expr);
}

ExprId Characters::one_of(const CharSet& set) {
  const auto [place, is_new] = made_.try_emplace(set.ranges(), kNever);
  if (!is_new) return place->second;
  std::vector<ExprId> parts;
  CharSet plain = set;
  if (spelling_ == Spelling::kJson) {
    CharSet without = set.complement();
    CharSet escaped{{0, 0x1F}, {'"', '"'}, {'\\', '\\'}};
    for (const auto& [first, last] : escaped.ranges())
      for (uint32_t point = first; point <= last; ++point) {
        if (!set.has(point)) continue;
        std::string text;
        append_utf8(text, point);
        parts.push_back(arena_.text(spelled(text, spelling_)));
      }
    without.add(escaped);
    plain = without.complement();
  }
  for (const auto& [first, last] : plain.ranges()) add_range(parts, first, last);
  return place->second = arena_.any_of(std::move(parts));
}

ExprId Characters::text(std::string_view utf8) { return arena_.text(spelled(utf8, spelling_)); }

std::string spelled(std::string_view utf8, Spelling spelling) {
  if (spelling == Spelling::kPlain) return std::string(utf8);
  std::string text;
  append_json_string(text, utf8);
  return text.substr(1, text.size() - 2);
}

}  // namespace pumice::grammar
