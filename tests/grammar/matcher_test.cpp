// Masks of a vocabulary: each bit against the automaton itself.
#include <gtest/gtest.h>

#include <random>

#include "tests/grammar/grammar_support.h"
#include "text/tiny_vocabulary.h"

namespace pumice::test::matcher_test {

using grammar::Grammar;
using grammar::Mask;
using grammar::Matcher;
using grammar::TokenTrie;

// All bytes, then words that cross the borders of JSON's parts, one of them twice, then the end.
Tokenizer vocabulary() {
  TokenizerData data = testing::byte_level_base();
  for (const char* word :
       {"{\"", "\":", "\": ",  ", \"", "\"}", "name", "na",   "true", "null}", " word", "word", "longer words here",
        "12",  "345", "\",\"", "}\n",  "ü",   "🌋",   "a\\n", "[[",   "]]",    "name"})
    testing::add_token(data, testing::in_alphabet(word));
  data.bos = data.eos = static_cast<int64_t>(data.tokens.size());
  testing::add_token(data, "<|im_end|>", TokenType::kControl);
  return std::move(Tokenizer::create(std::move(data))).value();
}

bool bit(const Mask& mask, int32_t token) { return mask[static_cast<size_t>(token) / 32] >> (token % 32) & 1; }

const char* const kSchemas[] = {
    "{}",
    R"({"type":"object","properties":{"name":{"type":"string"},"na":{"type":"integer"}},"additionalProperties":false})",
    R"({"type":"object","properties":{"name":{"type":"string","maxLength":9}},"required":["name"]})",
    R"({"type":"array","items":{"type":"string","pattern":"^[a-z]+$"},"maxItems":4})",
    R"({"type":"object","additionalProperties":{"type":"number","minimum":0}})",
};

TEST(GrammarMatcher, MasksAreWhatTheAutomatonAllows) {
  const Tokenizer tokenizer = vocabulary();
  const auto trie = TokenTrie::create(tokenizer);
  std::mt19937 random(7);
  for (const char* schema : kSchemas) {
    const auto grammar = testing::made(Grammar::from_schema_text(schema));
    for (int round = 0; round < 20; ++round) {
      Matcher matcher(grammar, trie);
      std::string text;
      for (int step = 0; step < 60 && !matcher.ended(); ++step) {
        const auto mask = matcher.mask();
        ASSERT_TRUE(mask.ok());
        std::vector<int32_t> allowed;
        for (int32_t token = 0; token < tokenizer.vocabulary_size(); ++token) {
          ASSERT_EQ(bit(**mask, token), *matcher.allows(token)) << schema << " after " << text << ": " << token;
          if (bit(**mask, token)) allowed.push_back(token);
        }
        ASSERT_FALSE(allowed.empty()) << "a dead end: " << schema << " after " << text;
        const int32_t token = allowed[random() % allowed.size()];
        ASSERT_TRUE(*matcher.accept(token));
        text += tokenizer.token_bytes(token);
      }
      EXPECT_TRUE(!matcher.ended() || testing::accepts(grammar, text)) << text;
    }
  }
}

TEST(GrammarMatcher, RefusedTokensChangeNothing) {
  const Tokenizer tokenizer = vocabulary();
  Matcher matcher(testing::made(Grammar::from_choices({"true"})), TokenTrie::create(tokenizer));
  EXPECT_FALSE(*matcher.accept('x'));
  EXPECT_FALSE(*matcher.accept(-1));
  EXPECT_FALSE(*matcher.accept(1 << 30));
  const int32_t end = *tokenizer.find("<|im_end|>");
  EXPECT_FALSE(*matcher.accept(end)) << "not at the end yet";
  EXPECT_TRUE(*matcher.accept(*tokenizer.find("true")));
  EXPECT_TRUE(matcher.can_end());
  EXPECT_TRUE(*matcher.accept(end));
  EXPECT_TRUE(matcher.ended());
  EXPECT_FALSE(*matcher.accept(end));
  const Mask* mask = *matcher.mask();
  EXPECT_EQ(std::count(mask->begin(), mask->end(), 0u), static_cast<ptrdiff_t>(mask->size()));
  matcher.restart();
  EXPECT_TRUE(*matcher.accept('t'));
}

TEST(GrammarMatcher, ForcedBytesAndTokens) {
  const Tokenizer tokenizer = vocabulary();
  const auto trie = TokenTrie::create(tokenizer);
  Matcher matcher(testing::made(Grammar::from_schema_text(
                      R"({"type":"object","properties":{"name":{"const":"x"}},"required":["name"],
                          "additionalProperties":false})",
                      {.whitespace = false})),
                  trie);
  EXPECT_EQ(matcher.forced_bytes(), "{\"name\":\"x\"}");
  std::string text;
  for (const int32_t token : matcher.forced_tokens(tokenizer)) {
    EXPECT_TRUE(*matcher.accept(token));
    text += tokenizer.token_bytes(token);
  }
  EXPECT_TRUE(std::string("{\"name\":\"x\"}").starts_with(text));
  EXPECT_FALSE(text.empty());
  Matcher choices(testing::made(Grammar::from_choices({"word one", "word two"})), trie);
  EXPECT_EQ(choices.forced_bytes(), "word ");
}

TEST(GrammarMatcher, LongRepliesForgetStates) {
  const Tokenizer tokenizer = vocabulary();
  Matcher matcher(testing::made(Grammar::from_schema_text(R"({"type":"string","maxLength":60000})")),
                  TokenTrie::create(tokenizer));
  ASSERT_TRUE(*matcher.accept('"'));
  for (int i = 0; i < 30000; ++i) {
    ASSERT_TRUE(matcher.mask().ok());
    ASSERT_TRUE(*matcher.accept(i % 2 ? 'a' : *tokenizer.find(testing::in_alphabet("ü"))));
  }
  EXPECT_TRUE(*matcher.accept('"'));
  EXPECT_TRUE(matcher.can_end());
}

}  // namespace pumice::test::matcher_test
