// GBNF as people write it.
#include <gtest/gtest.h>

#include "tests/grammar/grammar_support.h"

namespace pumice::test::gbnf_test {

using grammar::Grammar;
using testing::accepts;
using testing::made;
using testing::refusal;

TEST(Gbnf, Arithmetic) {
  const auto grammar = made(Grammar::from_gbnf(R"g(# a comment
root  ::= (expr "=" ws term "\n")+
expr  ::= term ([-+*/] term)*
term  ::= ident | num | "(" ws expr ")" ws
ident ::= [a-z] [a-z0-9_]* ws   # another
num   ::= [0-9]+ ws
ws    ::= [ \t\n]*
)g"));
  for (const char* text : {"a=1\n", "(a +12)*c = x\n", "a=1\n(((b)))=2\n"}) EXPECT_TRUE(accepts(grammar, text)) << text;
  for (const char* text : {"", "a=1", "(a=1\n", "1a=1\n"}) EXPECT_FALSE(accepts(grammar, text)) << text;
}

TEST(Gbnf, Json) {
  const auto grammar = made(Grammar::from_gbnf(R"g(
root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws

object ::=
  "{" ws (
            string ":" ws value
    ("," ws string ":" ws value)*
  )? "}" ws

array  ::=
  "[" ws (
            value
    ("," ws value)*
  )? "]" ws

string ::=
  "\"" (
    [^"\\\x7F\x00-\x1F] |
    "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) # escapes
  )* "\"" ws

number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws

# Optional space: by convention, applied in this grammar after literal chars when allowed
ws ::= | " " | "\n" [ \t]{0,20}
)g"));
  EXPECT_TRUE(accepts(grammar, "{\"a\": [1, -2.5e3, \"x\\u00e9\\n\", {}], \"b\": null}"));
  EXPECT_FALSE(accepts(grammar, "{\"a\": [1,]}"));
  EXPECT_FALSE(accepts(grammar, "[]"));
}

TEST(Gbnf, RepetitionsAndCharacters) {
  const auto grammar =
      made(Grammar::from_gbnf("root ::= a{2} b{1,} c{0,2} d?\n"
                              "a ::= \"a\"\nb ::= \"(\" b \")\" | \"b\"\nc ::= [ä-ü] | \"\\u4E16\"\n"
                              "d ::= .\n"));
  for (const char* text : {"aab", "aa((b))b", "aab世ö", "aab世世🌋"}) EXPECT_TRUE(accepts(grammar, text)) << text;
  for (const char* text : {"ab", "aa(b", "aab世世世世"}) EXPECT_FALSE(accepts(grammar, text)) << text;
  const auto many = made(Grammar::from_gbnf("root ::= x{999,1001}\nx ::= \"(\" x \")\" | \"x\"\n"));
  for (const size_t count : {999u, 1000u, 1001u}) EXPECT_TRUE(accepts(many, std::string(count, 'x'))) << count;
  for (const size_t count : {998u, 1002u}) EXPECT_FALSE(accepts(many, std::string(count, 'x'))) << count;
}

TEST(Gbnf, RulesThatBeginWithThemselves) {
  const auto grammar = made(Grammar::from_gbnf("root ::= root \"+\" n | n\nn ::= [0-9] | \"(\" root \")\"\n"));
  EXPECT_TRUE(accepts(grammar, "1+2+(3+4)"));
  EXPECT_FALSE(accepts(grammar, "+1"));
  EXPECT_NE(refusal(Grammar::from_gbnf("root ::= a \"x\" | \"y\"\na ::= root \"z\"\n")).find("left recursion"),
            std::string::npos);
  EXPECT_TRUE(
      accepts(made(Grammar::from_gbnf("root ::= (a b)* \"!\"\na ::= \"x\" a | \"\"\nb ::= \"y\" b |")), "xxyxy!"));
}

TEST(Gbnf, AmbiguityCostsNoCopies) {
  const auto grammar =
      made(Grammar::from_gbnf("root ::= s\ns ::= \"a\" s \"b\" | \"a\" s \"c\" | \"a\" s s \"d\" | \"x\"\n"));
  const std::string many(300, 'a');
  EXPECT_TRUE(accepts(grammar, many + "x" + std::string(300, 'b')));
  EXPECT_FALSE(accepts(grammar, many + "x" + std::string(299, 'c')));
}

TEST(Gbnf, SaysWhereItIsWrong) {
  EXPECT_EQ(refusal(Grammar::from_gbnf("root ::= \"a\"\nx := \"b\"")), "grammar, line 2, column 3: ::= is expected");
  for (const char* text : {"", "root = \"a\"", "root ::= a", "root ::= \"a", "root ::= (\"a\"", "root ::= [a",
                           "root ::= \"a\"{2", "root ::= \"a\" )", "x ::= \"a\"", "root ::= \"a\"\nroot ::= \"b\"",
                           "root ::= <think>", "root ::= \"a\" ** {3,2}", "root ::= root", "root ::= \"\\q\""})
    EXPECT_NE(refusal(Grammar::from_gbnf(text)), "accepted") << text;
  EXPECT_NE(refusal(Grammar::from_gbnf("root ::= " + std::string(60000, '('))).find("nested deeper"),
            std::string::npos);
}

TEST(Choices, AreTheOnlyTexts) {
  const auto grammar = made(Grammar::from_choices({"yes", "no", "yes!", "now", ""}));
  for (const char* text : {"yes", "no", "yes!", "now", ""}) EXPECT_TRUE(accepts(grammar, text)) << text;
  for (const char* text : {"y", "yes!!", "nowx"}) EXPECT_FALSE(accepts(grammar, text)) << text;
  EXPECT_NE(refusal(Grammar::from_choices({})), "accepted");
}

}  // namespace pumice::test::gbnf_test
