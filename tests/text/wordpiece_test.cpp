#include <gtest/gtest.h>

#include <map>
#include <set>

#include "text/tiny_vocabulary.h"
#include "text/tokenizer.h"

namespace pumice::wordpiece_test {

using testing::add_token;
using Ids = std::vector<int32_t>;
using Names = std::vector<std::string>;

// Ids 0 to 3: padding, unknown, beginning, separator.
TokenizerData wordpiece_base() {
  TokenizerData data;
  data.model = "bert";
  add_token(data, "[PAD]", TokenType::kControl);
  add_token(data, "[UNK]", TokenType::kUnknown);
  add_token(data, "[CLS]", TokenType::kControl);
  add_token(data, "[SEP]", TokenType::kControl);
  data.pad = 0, data.unk = 1, data.bos = 2, data.sep = 3;
  return data;
}

Names pieces_of(const Tokenizer& tokenizer, std::string_view text) {
  Names names;
  for (const int32_t id : tokenizer.encode(text, {.add_special = false})) names.emplace_back(tokenizer.token_name(id));
  return names;
}

Tokenizer make(TokenizerData data) {
  auto tokenizer = Tokenizer::create(std::move(data));
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  return std::move(tokenizer).value();
}

TEST(WordPiece, NormalisesAndCuts) {
  TokenizerData data = wordpiece_base();
  for (const char* name : {"▁hello", "▁wor", "ld", "▁cafe", "▁!", "▁中", "▁国", "▁'", "▁s", "▁+", "▁~", "▁½"})
    add_token(data, name);
  const Tokenizer t = make(data);
  EXPECT_EQ(pieces_of(t, " Hello\tWORLD!! "), (Names{"▁hello", "▁wor", "ld", "▁!", "▁!"}));
  EXPECT_EQ(pieces_of(t, "Café CAFE\u0301"), (Names{"▁cafe", "▁cafe"}));
  EXPECT_EQ(pieces_of(t, "hello中国's+~"), (Names{"▁hello", "▁中", "▁国", "▁'", "▁s", "▁+", "▁~"}));
  EXPECT_EQ(pieces_of(t, "hel\u0001lo\u200b"), (Names{"▁hello"}));    // controls are dropped
  EXPECT_EQ(pieces_of(t, "\xFFhe\xC3llo\uFFFD"), (Names{"▁hello"}));  // and so is what is not UTF-8
  EXPECT_EQ(pieces_of(t, "hellox worldly ½"), (Names{"[UNK]", "[UNK]", "▁½"}));
  EXPECT_EQ(pieces_of(t, ""), Names{});
  EXPECT_EQ(t.token_bytes(4), " hello");
}

TEST(WordPiece, CaseAndAccentsStayWhereTheFileSaysSo) {
  TokenizerData data = wordpiece_base();
  for (const char* name : {"▁Été", "▁été", "▁Ete", "▁ete"}) add_token(data, name);
  EXPECT_EQ(pieces_of(make(data), "Été"), (Names{"▁ete"}));
  data.strip_accents = false;
  EXPECT_EQ(pieces_of(make(data), "Été"), (Names{"▁été"}));
  data.lowercase = false;
  EXPECT_EQ(pieces_of(make(data), "Été"), (Names{"▁Été"}));
  data.strip_accents = true;
  EXPECT_EQ(pieces_of(make(data), "Été"), (Names{"▁Ete"}));
}

TEST(WordPiece, EndsAreAlwaysMarked) {
  TokenizerData data = wordpiece_base();
  add_token(data, "▁a");
  data.add_bos = false;
  const Tokenizer t = make(data);
  EXPECT_EQ(t.encode("a", {}), (Ids{2, 4, 3}));
  EXPECT_EQ(t.encode("", {}), (Ids{2, 3}));
  EXPECT_EQ(t.encode("a[SEP]A", {}), (Ids{2, 4, 3, 4, 3}));
  EXPECT_EQ(t.encode("[SEP]", {.add_special = false, .parse_special = false}), (Ids{1, 1, 1}));
  data.sep.reset();
  EXPECT_FALSE(Tokenizer::create(std::move(data)).ok());  // the default lies outside
}

// The longest names from left to right, found by trying all.
Names cut_slowly(const std::set<std::string>& names, std::string word) {
  Names parts;
  while (!word.empty()) {
    size_t length = word.size();
    while (length > 0 && names.count(word.substr(0, length)) == 0) --length;
    if (length == 0) return {"[UNK]"};
    parts.push_back(word.substr(0, length));
    word.erase(0, length);
  }
  return parts;
}

TEST(WordPiece, RandomNamesAgreeWithTheSlowReference) {
  std::mt19937 random(31);
  for (int vocabulary = 0; vocabulary < 60; ++vocabulary) {
    TokenizerData data = wordpiece_base();
    std::set<std::string> names;
    for (int i = 0; i < 25; ++i) {
      std::string name = random() % 2 ? "▁" : "";
      for (size_t n = 1 + random() % 4; n > 0; --n) name += "ab"[random() % 2];
      if (names.insert(name).second) add_token(data, name);
    }
    const Tokenizer t = make(std::move(data));
    for (int round = 0; round < 50; ++round) {
      std::string text;
      Names expected;
      for (size_t word = random() % 5; word > 0; --word) {
        std::string letters;
        for (size_t n = 1 + random() % 8; n > 0; --n) letters += "ab"[random() % 2];
        text += letters + " ";
        for (std::string& part : cut_slowly(names, "▁" + letters)) expected.push_back(std::move(part));
      }
      ASSERT_EQ(pieces_of(t, text), expected) << text;
    }
  }
}

}  // namespace pumice::wordpiece_test
