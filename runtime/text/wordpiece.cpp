#include "text/wordpiece.h"

#include <utility>

#include "text/unicode.h"

namespace pumice {
namespace {

bool is_chinese(uint32_t c) {
  return (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0x2F800 && c <= 0x2FA1F);
}

}  // namespace

WordPieceEncoder::WordPieceEncoder(const TokenTable& table, bool lowercase, bool strip_accents)
    : unknown_(table.unk), lowercase_(lowercase), strip_accents_(strip_accents) {
  PrefixTree::Names names;
  for (int32_t id = 0; id < table.size(); ++id)
    if (!table.is_special(id)) names.emplace_back(table.name(id), id);
  names_ = PrefixTree(std::move(names));
}

void WordPieceEncoder::encode(std::string_view text, std::vector<int32_t>& ids) const {
  std::string word(kSpaceMark);
  while (!text.empty()) {
    const Utf8Unit unit = first_unit(text);
    text.remove_prefix(unit.length);
    uint32_t c = strip_accents_ ? base_character(unit.code_point) : unit.code_point;
    const uint8_t kind = char_class(c);
    if (kind == CharClass::kSpace) {
      flush(word, ids);
      continue;
    }
    // An invalid byte is U+FFFD here.
    if (c == 0 || c == 0xFFFD || is_control(c) || (strip_accents_ && kind == CharClass::kMark)) continue;
    const bool alone = kind == CharClass::kPunctuation || (c < 0x7F && kind == CharClass::kSymbol) || is_chinese(c);
    if (alone) flush(word, ids);
    append_utf8(word, lowercase_ ? to_lower(c) : c);
    if (alone) flush(word, ids);
  }
  flush(word, ids);
}

void WordPieceEncoder::flush(std::string& word, std::vector<int32_t>& ids) const {
  if (word.size() == kSpaceMark.size()) return;
  const size_t before = ids.size();
  for (std::string_view rest = word; !rest.empty();) {
    const PrefixTree::Match match = names_.longest(rest);
    if (match.length == 0) {
      ids.resize(before);
      if (unknown_) ids.push_back(*unknown_);
      break;
    }
    ids.push_back(match.id);
    rest.remove_prefix(match.length);
  }
  word.resize(kSpaceMark.size());
}

}  // namespace pumice
