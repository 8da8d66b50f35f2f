// Sentences: where texts are cut, and that nothing is lost.
#include "text/sentences.h"

#include <gtest/gtest.h>

#include <string>

#include "support/generator.h"

namespace pumice::test::sentences_test {

std::vector<std::string> texts_of(std::string_view text) {
  std::vector<std::string> texts;
  for (const Sentence& sentence : split_sentences(text))
    if (!sentence.text.empty()) texts.emplace_back(sentence.text);
  return texts;
}

using Texts = std::vector<std::string>;

TEST(Sentences, EndWithAMarkAndACapital) {
  EXPECT_EQ(texts_of("It rains. We stay here! Why? \"So.\" Yes"),
            (Texts{"It rains.", "We stay here!", "Why?", "\"So.\"", "Yes"}));
  EXPECT_EQ(texts_of("Olá. ¿Qué tal? Está bem… É tarde."), (Texts{"Olá.", "¿Qué tal?", "Está bem…", "É tarde."}));
  EXPECT_EQ(texts_of("He said (loudly). Then 3 went."), (Texts{"He said (loudly).", "Then 3 went."}));
  EXPECT_EQ(texts_of("in version 2.5 and so on"), (Texts{"in version 2.5 and so on"}));
  EXPECT_EQ(texts_of("e.g. this one. Fine"), (Texts{"e.g. this one.", "Fine"}));
  EXPECT_EQ(texts_of("what? no capital"), (Texts{"what? no capital"}));
}

TEST(Sentences, DoNotEndAfterAbbreviationsInitialsAndNumbers) {
  EXPECT_EQ(texts_of("Dr. Who met J. R. Tolkien. They spoke."), (Texts{"Dr. Who met J. R. Tolkien.", "They spoke."}));
  EXPECT_EQ(texts_of("Am 3. Mai kam er."), (Texts{"Am 3. Mai kam er."}));
}

TEST(Sentences, EndAtOnceWithWideMarksAndWithLines) {
  EXPECT_EQ(texts_of("今日は。明日？「はい。」終"), (Texts{"今日は。", "明日？", "「はい。」", "終"}));
  EXPECT_EQ(texts_of("one line\nanother\r\n\r\n  third"), (Texts{"one line", "another", "third"}));
}

TEST(Sentences, WhiteSpaceStaysAsItIs) {
  const std::vector<Sentence> found = split_sentences("  One.  Two.\n\n");
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].text, "");
  EXPECT_EQ(found[0].space, "  ");
  EXPECT_EQ(found[1].space, "  ");
  EXPECT_EQ(found[2].text, "Two.");
  EXPECT_EQ(found[2].space, "\n\n");
  EXPECT_TRUE(split_sentences("").empty());
}

// Any bytes: put together again they are the text.
TEST(Sentences, EveryByteIsInOneOfThem) {
  Generator random(5);
  const std::string pieces[] = {"a", "B", ".",  "!",  "?", " ",    "\n",       "\r", "\"",
                                ")", "3", "Dr", "。", "é", "\xff", "\xe3\x80", "…",  "\t"};
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (uint32_t i = 0, count = static_cast<uint32_t>(random.bits() % 40); i < count; ++i)
      text += pieces[random.bits() % std::size(pieces)];
    std::string joined;
    for (const Sentence& sentence : split_sentences(text)) {
      joined += sentence.text;
      joined += sentence.space;
    }
    ASSERT_EQ(joined, text);
  }
}

}  // namespace pumice::test::sentences_test
