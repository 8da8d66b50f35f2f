// Text for a terminal of some width, as it comes: lines are broken between words.
// Thread rule: one thread at a time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pumice_apps {

// Columns that a character takes: 0, 1 or 2.
std::size_t display_width(char32_t character);

class WordWrap {
 public:
  // width 0: lines are as they come.
  explicit WordWrap(std::size_t width) : width_(width) {}

  void set_width(std::size_t width) { width_ = width; }
  // What may be shown now; a word is held back until its end, or until it fills a line.
  std::string push(std::string_view text);
  // The rest.
  std::string finish();
  std::size_t column() const { return column_; }

 private:
  void end_word();

  std::size_t width_, column_ = 0;
  std::string shown_, spaces_, word_;
  std::size_t word_columns_ = 0;
};

}  // namespace pumice_apps
