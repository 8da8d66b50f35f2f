// Text from outside must not steer a terminal.
#include "base/printable.h"

#include <gtest/gtest.h>

namespace pumice::printable_test {

TEST(Printable, LeavesTextAlone) {
  for (const char* text : {"", "plain text", "Grüße, 世界 🌋", "back\\slash \"quoted\"", "\u00a0\u202f\u2065"})
    EXPECT_EQ(printable(text), text);
}

TEST(Printable, ShowsControls) {
  EXPECT_EQ(printable("a\x1b]0;title\x07 b\x7f"), "a\\x1b]0;title\\x07 b\\x7f");
  EXPECT_EQ(printable("two\nlines\tand\r"), "two\\nlines\\tand\\x0d");
  EXPECT_EQ(printable(std::string_view("\0x", 2)), "\\x00x");
  EXPECT_EQ(printable("\u009b31m\u0080\u009f"), "\\x9b31m\\x80\\x9f");
  EXPECT_EQ(printable("\u2028\u2029"), "\\u{2028}\\u{2029}");
  EXPECT_EQ(printable("\u202a\u202e\u2066\u2069\u200e\u200f\u061c"),
            "\\u{202a}\\u{202e}\\u{2066}\\u{2069}\\u{200e}\\u{200f}\\u{61c}");
}

TEST(Printable, ShowsBytesThatAreNoUtf8) {
  EXPECT_EQ(printable("\x9b"
                      "31m"),
            "\\x9b31m");
  EXPECT_EQ(printable("\xc3"), "\\xc3");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf") << "overlong";
  EXPECT_EQ(printable("\xe0\x80\xaf"), "\\xe0\\x80\\xaf") << "overlong";
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "a surrogate";
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "beyond U+10FFFF";
  EXPECT_EQ(printable("\xff\xfe"), "\\xff\\xfe");
}

}  // namespace pumice::printable_test
