// Regular expressions: what they match, and what is refused.
#include "grammar/pattern.h"

#include <gtest/gtest.h>

#include "support/slice.h"
#include "tests/grammar/grammar_support.h"

namespace pumice::test::pattern_test {

using grammar::Characters;
using grammar::ExprArena;
using grammar::ExprId;
using grammar::Grammar;
using grammar::Match;
using grammar::Spelling;

struct Case {
  const char* pattern;
  std::vector<const char*> yes, no;
};

void check(const Case& one, Match match) {
  ExprArena arena;
  Characters characters(arena, Spelling::kPlain);
  const auto expr = grammar::pattern(characters, one.pattern, match);
  ASSERT_TRUE(expr.ok()) << one.pattern << ": " << expr.error().message;
  for (const char* text : one.yes) EXPECT_TRUE(arena.matches(*expr, text)) << one.pattern << " on " << text;
  for (const char* text : one.no) EXPECT_FALSE(arena.matches(*expr, text)) << one.pattern << " on " << text;
}

TEST(GrammarPattern, WholeTexts) {
  for (const Case& one : std::vector<Case>{
           {"", {""}, {"a"}},
           {"abc", {"abc"}, {"", "ab", "abcd", "xabc"}},
           {"a|bc|", {"a", "bc", ""}, {"b", "abc"}},
           {"(ab)*", {"", "ab", "abab"}, {"a", "aba"}},
           {"a{2,3}b{2}c{1,}", {"aabbc", "aaabbccc"}, {"abbc", "aaaabbc", "aabb"}},
           {"a{,2}", {"a{,2}"}, {"a", "aa"}},
           {"[a-c]+[^a-c]", {"abcd", "cü"}, {"abc", "d"}},
           {"[\\d_-]+", {"1_-"}, {"a"}},
           {"[^]", {"a", "\n", "🌋"}, {"", "ab"}},
           {".", {"a", "🌋"}, {"\n", "\r", "\u2028"}},
           {"\\d\\D\\w\\W\\s\\S", {"1aa- x"}, {"11a- x"}},
           {"\\u00e9\\x41\\cJ\\u{1F30B}\\uD83C\\uDF0B", {"éA\n🌋🌋"}, {}},
           {"\\p{L}+\\P{L}", {"Grüße1", "世界 "}, {"1"}},
           {"(?:a|(?<name>b))+?", {"abab"}, {"c"}},
           {"(?!foo)\\w+", {"bar", "fo", "fob"}, {"foo", "foobar"}},
           {"(?=.*\\d)(?=.*[a-z]).{3,}", {"ab1", "1xx"}, {"abc", "123", "a1"}},
           {"x(?!y)", {"x"}, {"xy"}},
           {"^a$|^b$", {"a", "b"}, {"ab"}},
           {"(^a|b)c", {"ac", "bc"}, {"c"}},
       })
    check(one, Match::kWhole);
}

TEST(GrammarPattern, Searching) {
  for (const Case& one : std::vector<Case>{
           {"", {"", "anything"}, {}},
           {"b+", {"b", "abba", "xxb"}, {"", "a"}},
           {"^b", {"b", "ba"}, {"ab"}},
           {"b$", {"b", "ab"}, {"ba"}},
           {"^$", {""}, {"a"}},
           {"^a|b$", {"ax", "xb"}, {"xa", "bx"}},
           {"(^a|b)c", {"acx", "xbcx"}, {"xac"}},
           {"^(?!.*--)[a-z-]+$", {"a-b"}, {"a--b", "A"}},
           {"a(b|$)", {"xab", "xa", "abz"}, {"xaz"}},
           {"^(a|$)", {"", "ab"}, {"b"}},
       })
    check(one, Match::kSearch);
}

TEST(GrammarPattern, InsideJsonStrings) {
  ExprArena arena;
  Characters characters(arena, Spelling::kJson);
  const ExprId any = *grammar::pattern(characters, "[^a]{3}", Match::kWhole);
  for (const char* text : {"bcd", "\\\"\\\\\\n", "\\u0001üx", "🌋/\x7f"}) EXPECT_TRUE(arena.matches(any, text)) << text;
  for (const char* text : {"bc", "\"bc", "b\nc", "\\/bc", "\\u0041bc", "\xff\xff\xff", "\xed\xa0\x80xx", "\xc0\x80xx"})
    EXPECT_FALSE(arena.matches(any, text)) << text;
}

TEST(GrammarPattern, RefusesWhatItCannotSay) {
  for (const char* text : {"(a)\\1",
                           "(?<=a)b",
                           "(?<!a)b",
                           "\\bword",
                           "(?i)a",
                           "(a",
                           "a)",
                           "[a",
                           "[b-a]",
                           "*a",
                           "a**",
                           "a{3,2}",
                           "(^a)*",
                           "((?=a)b)c",
                           "(?=(?!a))",
                           "\\",
                           "\\p{Script=Greek}",
                           "\\q",
                           "\\x1",
                           "\\u12"})
    EXPECT_NE(testing::refusal(Grammar::from_regex(text)), "accepted") << text;
  EXPECT_NE(testing::refusal(Grammar::from_regex("a(b)\\1")).find("byte 6: back references"), std::string::npos);
  EXPECT_NE(testing::refusal(Grammar::from_regex(std::string(60000, '('))).find("nested deeper"), std::string::npos);
  EXPECT_NE(testing::refusal(Grammar::from_regex(std::string(100000, 'a'))).find("longer than"), std::string::npos);
  EXPECT_NE(testing::refusal(Grammar::from_regex("[]")).find("no text matches"), std::string::npos);
}

TEST(GrammarPattern, LongRowsCostNoStack) {
  std::string options;
  for (int i = 0; i < 20000; ++i) options += "a?";
  EXPECT_TRUE(Grammar::from_regex(options).ok());
  options.resize(600);
  EXPECT_TRUE(testing::accepts(testing::made(Grammar::from_regex(options)), "aaa"));
}

TEST(GrammarPattern, WorkIsBounded) {
  PUMICE_SLICE(3);
  std::string options;
  for (int i = 0; i < 20000; ++i) options += "a?";
  ExprArena arena;
  Characters characters(arena, Spelling::kPlain);
  const ExprId expr = *grammar::pattern(characters, options, Match::kWhole);
  for (int i = 0; i < 3; ++i) arena.matches(expr, "aaaa");
  EXPECT_TRUE(arena.exhausted());
}

TEST(GrammarPattern, ComplementsAreExact) {
  ExprArena arena;
  Characters characters(arena, Spelling::kPlain);
  const ExprId expr = *grammar::pattern(characters, "^a+b", Match::kSearch);
  const ExprId other = arena.all_of({characters.any_text(), arena.complement(expr)});
  for (const char* text : {"", "a", "ab", "aab!", "ba", "xab", "ü"})
    EXPECT_NE(arena.matches(expr, text), arena.matches(other, text)) << text;
  EXPECT_FALSE(arena.alive(arena.all_of({expr, other})));
}

}  // namespace pumice::test::pattern_test
