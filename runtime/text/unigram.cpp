#include "text/unigram.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "text/unicode.h"

namespace pumice {
namespace {

constexpr float kUnknownPenalty = 10;

// The best way to a place in the text.
struct Best {
  double score = -std::numeric_limits<double>::max();
  uint32_t from = 0;
  int32_t id = -1;  // the unknown token, also where the vocabulary has none
};

}  // namespace

UnigramEncoder::UnigramEncoder(const TokenTable& table, Charsmap charsmap, UnigramOptions options)
    : table_(&table), charsmap_(std::move(charsmap)), options_(options) {
  PrefixTree::Names names, user_defined;
  float lowest = std::numeric_limits<float>::max();
  for (int32_t id = 0; id < table.size(); ++id) {
    const TokenType type = table.type(id);
    if (type == TokenType::kNormal) lowest = std::min(lowest, table.score(id));
    if (type == TokenType::kUserDefined) user_defined.emplace_back(table.name(id), id);
    const bool matches = type == TokenType::kNormal || type == TokenType::kUserDefined || type == TokenType::kUnused;
    if (matches && !table.is_special(id)) names.emplace_back(table.name(id), id);
  }
  unknown_score_ = lowest - kUnknownPenalty;
  names_ = PrefixTree(std::move(names));
  user_defined_ = PrefixTree(std::move(user_defined));
}

size_t UnigramEncoder::user_defined(std::string_view text) const {
  size_t length = 0;
  uint32_t node = PrefixTree::kRoot;
  while (length < text.size()) {
    node = user_defined_.step(node, static_cast<uint8_t>(text[length]));
    if (node == PrefixTree::kNone) break;
    ++length;
  }
  while (length > 0 && length < text.size() && (static_cast<uint8_t>(text[length]) & 0xC0) == 0x80) --length;
  return length;
}

std::string UnigramEncoder::normalized(std::string_view text) const {
  std::string out;
  out.reserve(text.size() + text.size() / 2 + kSpaceMark.size());
  bool has_prefix = false, in_word = false;
  while (!text.empty()) {
    Charsmap::Match match{user_defined(text), {}};
    match.replacement = text.substr(0, match.length);
    if (match.length == 0) match = charsmap_.longest(text);
    if (match.length == 0) {
      const Utf8Unit unit = first_unit(text);
      const bool valid = unit.state == Utf8State::kValid;
      match = {valid ? unit.length : 1, valid ? text.substr(0, unit.length) : kReplacementBytes};
    }
    text.remove_prefix(match.length);
    for (const char c : match.replacement) {
      if (c == ' ') {
        in_word = false;
        if (!options_.remove_spaces) out += kSpaceMark;
        continue;
      }
      if (!in_word && (options_.remove_spaces || (options_.space_prefix && !has_prefix))) {
        out += kSpaceMark;
        has_prefix = true;
      }
      in_word = true;
      out.push_back(c);
    }
  }
  return out;
}

void UnigramEncoder::encode(std::string_view text, std::vector<int32_t>& ids) const {
  const std::string all = normalized(text);
  const std::string_view rest = all;
  std::vector<Best> best(all.size() + 1);
  best[0].score = 0;
  const auto offer = [&](size_t from, size_t to, double score, int32_t id) {
    if (best[from].score + score > best[to].score)
      best[to] = {best[from].score + score, static_cast<uint32_t>(from), id};
  };
  for (size_t at = 0; at < all.size();) {
    const Utf8Unit unit = first_unit(rest.substr(at, 4));
    const size_t length = unit.state == Utf8State::kValid ? unit.length : 1;
    bool known = false;
    uint32_t node = PrefixTree::kRoot;
    for (size_t end = at; end < all.size();) {
      node = names_.step(node, static_cast<uint8_t>(all[end++]));
      if (node == PrefixTree::kNone) break;
      const int32_t id = names_.id(node);
      if (id < 0) continue;
      known |= end - at == length;
      offer(at, end, table_->type(id) == TokenType::kUserDefined ? 0.0 : double{table_->score(id)}, id);
    }
    if (!known) offer(at, at + length, unknown_score_, -1);
    at += length;
  }
  const size_t first = ids.size();
  bool after_unknown = false;
  for (size_t at = all.size(); at > 0; at = best[at].from) {
    const bool unknown = best[at].id < 0;
    const int32_t id = unknown ? table_->unk.value_or(-1) : best[at].id;
    if (id >= 0 && !(unknown && after_unknown)) ids.push_back(id);
    after_unknown = unknown;
  }
  std::reverse(ids.begin() + static_cast<std::ptrdiff_t>(first), ids.end());
}

}  // namespace pumice
