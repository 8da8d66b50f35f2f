// Lines of a terminal, whatever the pieces that text comes in.
#include "common/word_wrap.h"

#include <gtest/gtest.h>

namespace pumice::test::word_wrap_test {

std::string wrapped(const std::string& text, std::size_t width, std::size_t piece) {
  pumice_apps::WordWrap wrap(width);
  std::string shown;
  for (std::size_t at = 0; at < text.size(); at += piece) shown += wrap.push(text.substr(at, piece));
  return shown + wrap.finish();
}

TEST(WordWrap, BreaksBetweenWords) {
  struct Case {
    const char *text, *lines;
  };
  for (const Case& one :
       {Case{"one two three four", "one two\nthree four"}, Case{"a\n\n  b", "a\n\n  b"},
        Case{"12345678901 x", "1234567890\n1 x"}, Case{"1234567890 x", "1234567890\nx"},
        Case{"ends here  ", "ends here"}, Case{"日本語日本語", "日本語日本\n語"},
        Case{"e\u0301e\u0301e\u0301 e\u0301e\u0301e\u0301 end", "e\u0301e\u0301e\u0301 e\u0301e\u0301e\u0301\nend"}})
    EXPECT_EQ(wrapped(one.text, 10, std::string(one.text).size()), one.lines);
}

TEST(WordWrap, PiecesChangeNothing) {
  const std::string text = "It was the best of times,\n\tit was the worst of times, indeed.  And so on";
  for (const std::size_t width : {0, 7, 20, 80})
    for (const std::size_t piece : {1, 2, 3, 10}) EXPECT_EQ(wrapped(text, width, piece), wrapped(text, width, 1000));
  EXPECT_EQ(wrapped(text, 0, 1), text);
}

TEST(WordWrap, WordsComeWhenTheyAreCertain) {
  pumice_apps::WordWrap wrap(10);
  EXPECT_EQ(wrap.push("Hello wor"), "Hello");
  EXPECT_EQ(wrap.push("ld, and"), "\nworld,");
  EXPECT_EQ(wrap.push("\n"), " and\n");
  EXPECT_EQ(wrap.column(), 0u);
}

TEST(WordWrap, BytesThatAreNoCharacterPass) { EXPECT_EQ(wrapped("a \xff\xfe b", 40, 100), "a \xff\xfe b"); }

}  // namespace pumice::test::word_wrap_test
