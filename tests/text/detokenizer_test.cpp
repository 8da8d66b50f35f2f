#include "text/detokenizer.h"

#include <gtest/gtest.h>

#include <random>

#include "text/tiny_vocabulary.h"

namespace pumice::detokenizer_test {

using testing::random_bytes;

std::string run(const std::vector<std::string>& parts, StreamingDetokenizer::Options options = {}) {
  StreamingDetokenizer detokenizer(options);
  std::string text;
  for (const std::string& part : parts) text += detokenizer.push(part);
  return text + detokenizer.finish();
}

bool is_valid(std::string_view text) {
  while (!text.empty()) {
    const Utf8Unit unit = first_unit(text);
    if (unit.state != Utf8State::kValid) return false;
    text.remove_prefix(unit.length);
  }
  return true;
}

TEST(StreamingDetokenizer, EverySplitOfAMultibyteText) {
  const std::string text = "aé中😀 ¿ñ\u0301🇺🇳z";
  for (size_t i = 0; i <= text.size(); ++i) {
    for (size_t j = i; j <= text.size(); ++j) {
      StreamingDetokenizer detokenizer;
      std::string out;
      for (const auto& part : {text.substr(0, i), text.substr(i, j - i), text.substr(j)}) {
        out += detokenizer.push(part);
        ASSERT_TRUE(is_valid(out));
      }
      ASSERT_EQ(out, text);
      ASSERT_EQ(detokenizer.finish(), "");
    }
  }
}

TEST(StreamingDetokenizer, GivesOutWhatIsCertainAtOnce) {
  StreamingDetokenizer detokenizer;
  EXPECT_EQ(detokenizer.push("ab\xF0\x9F"), "ab");
  EXPECT_EQ(detokenizer.push("\x98"), "");
  EXPECT_EQ(detokenizer.push("\x80!"), "😀!");
  EXPECT_EQ(detokenizer.push("\xE4\xB8"), "");
  EXPECT_EQ(detokenizer.push("x"), "\uFFFDx");  // the beginning can no longer become a character
  EXPECT_EQ(detokenizer.push("\xC3"), "");
  EXPECT_EQ(detokenizer.finish(), "\uFFFD");
  EXPECT_EQ(detokenizer.finish(), "");
  EXPECT_EQ(detokenizer.push("new"), "new");
}

TEST(StreamingDetokenizer, ReplacesMaximalSubparts) {
  EXPECT_EQ(run({"\xF0\x9F\x98|\xE2\x82|\xED\xA0\x80|\xC0\xAF|\xFF"}),
            "\uFFFD|\uFFFD|\uFFFD\uFFFD\uFFFD|\uFFFD\uFFFD|\uFFFD");
}

TEST(StreamingDetokenizer, SplittingNeverChangesTheText) {
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    const std::string bytes = random_bytes(random, 12) + "é\xF0\x9F" + random_bytes(random, 4);
    const size_t cut = random() % (bytes.size() + 1);
    const std::vector<std::string> parts = {bytes.substr(0, cut), bytes.substr(cut)};
    EXPECT_EQ(run(parts), run({bytes}));
    EXPECT_TRUE(is_valid(run(parts)));
    EXPECT_EQ(run(parts, {.invalid = StreamingDetokenizer::Invalid::kPassThrough}), bytes);
  }
}

TEST(StreamingDetokenizer, StripsOneLeadingSpaceOnRequest) {
  EXPECT_EQ(run({" a", " b"}), " a b");
  EXPECT_EQ(run({" a", " b"}, {.strip_leading_space = true}), "a b");
  EXPECT_EQ(run({"", " ", " a"}, {.strip_leading_space = true}), " a");
  EXPECT_EQ(run({"a", " b"}, {.strip_leading_space = true}), "a b");
}

}  // namespace pumice::detokenizer_test
