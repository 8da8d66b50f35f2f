#include "common/word_wrap.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/utf8.h"

namespace pumice_apps {

namespace {

struct Range {
  char32_t first, last;
};
// Unicode 15, as far as terminals agree on it. Flat tables.
constexpr Range kNone[] = {{0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},     {0x610, 0x61a},    {0x64b, 0x65f},
                           {0x6d6, 0x6dc},   {0x900, 0x902},   {0x93c, 0x93c},     {0x941, 0x948},    {0x94d, 0x94d},
                           {0xe31, 0xe31},   {0xe34, 0xe3a},   {0xe47, 0xe4e},     {0x200b, 0x200f},  {0x20d0, 0x20f0},
                           {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0x1f3fb, 0x1f3ff}, {0xe0100, 0xe01ef}};
constexpr Range kWide[] = {{0x1100, 0x115f},   {0x231a, 0x231b},  {0x2e80, 0x303e},   {0x3041, 0xa4cf},
                           {0xa960, 0xa97f},   {0xac00, 0xd7a3},  {0xf900, 0xfaff},   {0xfe30, 0xfe6f},
                           {0xff00, 0xff60},   {0xffe0, 0xffe6},  {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff},
                           {0x1f900, 0x1faff}, {0x20000, 0x3fffd}};

template <std::size_t kCount>
bool is_in(const Range (&ranges)[kCount], char32_t character) {
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [&](const Range& range) { return character >= range.first && character <= range.last; });
}

}  // namespace

std::size_t display_width(char32_t character) {
  if (character < 0x300) return 1;
  return is_in(kNone, character) ? 0 : is_in(kWide, character) ? 2 : 1;
}

void WordWrap::end_word() {
  if (word_.empty()) return;
  const bool fits = width_ == 0 || column_ + spaces_.size() + word_columns_ <= width_;
  if (!fits && column_ > 0) {
    shown_ += '\n';
    column_ = 0;
  } else {
    shown_ += spaces_;
    column_ += spaces_.size();
  }
  spaces_.clear();
  shown_ += std::exchange(word_, {});
  column_ += std::exchange(word_columns_, 0);
  if (width_ > 0 && column_ > width_) column_ = (column_ - 1) % width_ + 1;  // the terminal breaks a longer word
}

std::string WordWrap::push(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(utf8_character_length(text), 1);
    const std::string_view character = text.substr(0, length);
    text.remove_prefix(length);
    const char first = character.front();
    if (first == '\n') {
      end_word();
      spaces_.clear();
      shown_ += '\n';
      column_ = 0;
    } else if (first == ' ') {
      end_word();
      spaces_ += ' ';
    } else {
      const bool letter = (static_cast<unsigned char>(first) & 0x80) == 0 || length > 1;
      const std::size_t columns = first == '\t' ? 8 : letter ? display_width(utf8_code_point(character)) : 4;
      if (columns == 2) end_word();  // lines of such writing are broken anywhere
      word_ += character;
      word_columns_ += columns;
      if (columns == 2 || width_ == 0 || word_columns_ >= width_) end_word();
    }
  }
  return std::exchange(shown_, {});
}

std::string WordWrap::finish() {
  end_word();
  spaces_.clear();
  return std::exchange(shown_, {});
}

}  // namespace pumice_apps
