// Text that somebody wrote can never become a control token, whatever type its file gives it.
#include "text/control_names.h"

#include <gtest/gtest.h>

#include <random>

#include "text/tiny_vocabulary.h"
#include "text/tokenizer.h"

namespace pumice::control_names_test {

using testing::add_token;
using testing::byte_level_base;
using testing::sentencepiece_base;

const std::vector<const char*>& names() {
  static const std::vector<const char*> kNames = {"<|im_start|>",
                                                  "<|im_end|>",
                                                  "<|fim_prefix|>",
                                                  "<fim-prefix>",
                                                  "<fim_prefix>",
                                                  "<fim_middle>",
                                                  "<PRE>",
                                                  "▁<SUF>",
                                                  "<|tool_call|>",
                                                  "<tool_call>",
                                                  "</tool_call>",
                                                  "[TOOL_CALLS]",
                                                  "[AVAILABLE_TOOLS]",
                                                  "<think>",
                                                  "</think>",
                                                  "[THINK]",
                                                  "[INST]",
                                                  "[/INST]",
                                                  "<start_of_turn>",
                                                  "<end_of_turn>",
                                                  "<｜User｜>",
                                                  "<｜end▁of▁sentence｜>",
                                                  "<|turn>",
                                                  "<turn|>",
                                                  "<|reserved_special_token_7|>",
                                                  "<|channel|>",
                                                  "<|message|>",
                                                  "<|placeholder3|>",
                                                  "<arg_key>",
                                                  "<seed:think>",
                                                  "<image>",
                                                  "<file_sep>",
                                                  "<|start_header_id|>",
                                                  "<eos>"};
  return kNames;
}

TEST(ControlNames, WordsAreNone) {
  for (const char* name : names()) EXPECT_TRUE(is_control_name(name)) << name;
  for (const char* word : {"",     "a",   "<",   "<|", "|>",      "<|>",   "<||>",  "<b>",     "<table>", "<>();",
                           "<!--", "[1]", "[x]", "<s", "|think|", "think", "<|1|>", "<|a|b|>", "▁the",    "<0x41>"})
    EXPECT_FALSE(is_control_name(word)) << word;
}

struct Vocabulary {
  Tokenizer tokenizer;
  int32_t first;
};

Vocabulary vocabulary(bool pieces, TokenType type) {
  TokenizerData data = pieces ? sentencepiece_base() : byte_level_base();
  const auto first = static_cast<int32_t>(data.tokens.size());
  for (const char* name : names()) add_token(data, name, type, 1);
  // What a merge of words could make of them.
  for (const char* part : {"<|im", "_start|>", "<|", "|>", "<think", "[INST", "[/"}) add_token(data, part);
  for (const char* merge : {"< |", "| >", "<| >", "<think >", "[INST ]", "[/ INST"}) data.merges.push_back(merge);
  return {Tokenizer::create(std::move(data)).value(), first};
}

TEST(ControlNames, CountWhateverTheTypeIs) {
  for (const bool pieces : {true, false})
    for (const TokenType type :
         {TokenType::kNormal, TokenType::kUserDefined, TokenType::kControl, TokenType::kUnused}) {
      const Vocabulary v = vocabulary(pieces, type);
      for (size_t i = 0; i < names().size(); ++i) {
        const int32_t id = v.first + static_cast<int32_t>(i);
        EXPECT_TRUE(v.tokenizer.is_control(id)) << names()[i];
        EXPECT_EQ(v.tokenizer.encode(names()[i], {.add_special = false}), std::vector<int32_t>{id}) << names()[i];
      }
    }
}

TEST(ControlNames, TextNeverGivesOne) {
  std::mt19937 random(5);
  for (const bool pieces : {true, false})
    for (const TokenType type : {TokenType::kNormal, TokenType::kUserDefined, TokenType::kControl}) {
      const Vocabulary v = vocabulary(pieces, type);
      for (int round = 0; round < 300; ++round) {
        std::string text;
        for (int part = 0; part < 4; ++part) {
          const std::string name = names()[random() % names().size()];
          const size_t cut = random() % (name.size() + 1);
          text += random() % 3 ? name : name.substr(0, cut) + (random() % 2 ? name.substr(cut) : " ");
          text += testing::random_text(random, 2);
        }
        for (const int32_t id : v.tokenizer.encode(text, {.add_special = false, .parse_special = false}))
          ASSERT_FALSE(v.tokenizer.is_control(id)) << v.tokenizer.token_name(id) << " from " << text;
      }
    }
}

// Hidden, as the peers hide them, are those for filling in and those that end an answer; who reads an answer needs
// thoughts and calls.
TEST(ControlNames, OutputShowsWhatTheTypeSays) {
  TokenizerData data = byte_level_base();
  for (const char* name : {"<think>", "<|im_start|>", "<tool_call>", "<fim_prefix>", "<|im_end|>"})
    add_token(data, name);
  add_token(data, "[THINK]", TokenType::kControl);
  const Tokenizer t = Tokenizer::create(std::move(data)).value();
  EXPECT_EQ(t.decode({'a', 256, 257, 258, 259, 260, 261, 'b'}), "a<think><|im_start|><tool_call>b");
}

// A token that stands for a byte, or for what is unknown, by a file's word is not let in by that.
TEST(ControlNames, ByteAndUnknownTokensOfControlTypeStayOut) {
  TokenizerData data = sentencepiece_base();
  data.token_types[3 + 'A'] = static_cast<int32_t>(TokenType::kControl);
  data.unk = 1;
  const Tokenizer t = Tokenizer::create(std::move(data)).value();
  for (const int32_t id : t.encode("A", {.add_special = false, .parse_special = false}))
    EXPECT_FALSE(t.is_control(id)) << id;
}

// What the file itself calls its BOS is one, unless it is a mere word.
TEST(ControlNames, IdsThatTheFileNames) {
  TokenizerData data = byte_level_base();
  add_token(data, "<my-bos>");
  data.bos = 256;
  data.pad = '!';
  const Tokenizer t = Tokenizer::create(std::move(data)).value();
  EXPECT_TRUE(t.is_control(256) && !t.is_control('!'));
}

TEST(SpecialTokens, Phi3TakesTheSpaceAfterThem) {
  TokenizerData data = sentencepiece_base();
  add_token(data, "<|user|>", TokenType::kControl);       // 259
  add_token(data, "<|endoftext|>", TokenType::kControl);  // 260
  add_token(data, "a");                                   // 261
  add_token(data, "▁");                                   // 262
  data.add_space_prefix = false;
  const auto ids = [&](bool phi3, const char* text) {
    TokenizerData copy = data;
    copy.is_phi3 = phi3;
    return Tokenizer::create(std::move(copy)).value().encode(text, {.add_special = false});
  };
  using Ids = std::vector<int32_t>;
  EXPECT_EQ(ids(true, "a <|user|> \n\ta"), (Ids{261, 262, 259, 261}));
  EXPECT_EQ(ids(true, "<|user|> \n"), (Ids{259}));
  EXPECT_EQ(ids(true, "<|user|> <|user|>"), (Ids{259, 259}));
  EXPECT_EQ(ids(true, "<|endoftext|> a"), (Ids{260, 262, 261}));
  EXPECT_EQ(ids(true, "</s> a"), (Ids{2, 261}));
  EXPECT_EQ(ids(true, "<s> a"), (Ids{1, 262, 261}));
  EXPECT_EQ(ids(false, "<|user|> a"), (Ids{259, 262, 261}));
}

TEST(SpecialTokens, JinasMaskTakesTheSpaceBeforeIt) {
  TokenizerData data = byte_level_base("jina-v2-code");
  add_token(data, "<mask>", TokenType::kControl);
  const Tokenizer t = Tokenizer::create(std::move(data)).value();
  EXPECT_EQ(t.encode("a \n<mask> b", {.add_special = false}), (std::vector<int32_t>{'a', 256, ' ', 'b'}));
}

TEST(Tokenizer, WarnsOfIdsOutsideAndOfADoubleBos) {
  TokenizerData data = sentencepiece_base();
  data.eos = 9999;
  data.eot = UINT32_MAX;  // how savers write "none"
  const Tokenizer t = Tokenizer::create(std::move(data)).value();
  ASSERT_EQ(t.warnings().size(), 1u);
  EXPECT_NE(t.warnings()[0].find("eos_token_id is 9999"), std::string::npos);
  EXPECT_TRUE(t.has_double_bos(t.encode("<s>a", {})));
  EXPECT_FALSE(t.has_double_bos(t.encode("a<s>", {})));
  EXPECT_FALSE(t.has_double_bos(t.encode("", {})));
}

}  // namespace pumice::control_names_test
