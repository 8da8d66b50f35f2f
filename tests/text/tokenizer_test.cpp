#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "support/allocation_count.h"
#include "text/special_tokens.h"
#include "text/tiny_vocabulary.h"

namespace pumice::tokenizer_test {

using testing::add_merge;
using testing::add_token;
using testing::byte_level_base;
using testing::kept;
using testing::random_bytes;
using testing::sentencepiece_base;

using Ids = std::vector<int32_t>;

Tokenizer make(TokenizerData data) {
  auto tokenizer = Tokenizer::create(std::move(data));
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  return std::move(tokenizer).value();
}

Status failure(TokenizerData data) {
  const auto tokenizer = Tokenizer::create(std::move(data));
  EXPECT_FALSE(tokenizer.ok());
  if (tokenizer.ok()) return Status::kOk;
  EXPECT_FALSE(tokenizer.error().message.empty());
  return tokenizer.error().status;
}

TEST(Tokenizer, SentencePieceDefaults) {
  const Tokenizer t = make(sentencepiece_base());
  EXPECT_EQ(t.bos(), 1);
  EXPECT_EQ(t.eos(), 2);
  EXPECT_EQ(t.unk(), 0);
  EXPECT_EQ(t.pad(), std::nullopt);
  EXPECT_TRUE(t.adds_bos() && t.adds_space_prefix() && !t.adds_eos());
  EXPECT_EQ(t.vocabulary_size(), 259);
  EXPECT_EQ(t.encode("", {}), Ids{1});
  EXPECT_EQ(t.encode("", {.add_special = false}), Ids{});
  EXPECT_EQ(t.token_bytes(3 + 'a'), "a");
  EXPECT_EQ(t.token_bytes(1), "");
  EXPECT_EQ(t.token_bytes(1, true), "<s>");
  EXPECT_EQ(t.token_bytes(-1), "");
  EXPECT_EQ(t.token_bytes(259), "");
  EXPECT_EQ(t.token_name(std::numeric_limits<int32_t>::max()), "");
  EXPECT_TRUE(t.is_control(1) && !t.is_control(0) && !t.is_control(3) && !t.is_control(-1));
  EXPECT_TRUE(t.is_end_of_generation(2) && !t.is_end_of_generation(1) && !t.is_end_of_generation(999));
}

TEST(Tokenizer, ByteLevelDefaults) {
  const Tokenizer t = make(byte_level_base());
  EXPECT_FALSE(t.adds_bos() || t.adds_eos() || t.adds_space_prefix());
  EXPECT_EQ(t.bos(), 11);
  TokenizerData llama3 = byte_level_base("llama-bpe");
  llama3.add_eos = true;
  llama3.bos = 1;
  llama3.eos = 2;
  EXPECT_EQ(make(llama3).encode("a", {}), (Ids{1, 'a', 2}));
  llama3.add_bos = false;
  EXPECT_EQ(make(llama3).encode("a", {}), (Ids{'a', 2}));
}

TEST(Tokenizer, PrefixSpaceAfterEverySpecialToken) {
  TokenizerData data = sentencepiece_base();
  for (const char* name : {"▁", "a", "▁a"}) add_token(data, name, TokenType::kNormal, -1);
  const int32_t user = 262;
  add_token(data, "##", TokenType::kUserDefined);
  const Tokenizer t = make(data);
  EXPECT_EQ(t.encode("a</s>a", {}), (Ids{1, 261, 2, 261}));
  EXPECT_EQ(t.encode("a##a", {.add_special = false, .parse_special = false}), (Ids{261, user, 261}));
  EXPECT_EQ(t.decode({1, 261, 261}), "a a");
  EXPECT_EQ(t.decode({1, 261, 2}, true), "<s>a</s>");
  data.add_space_prefix = false;
  EXPECT_EQ(make(data).encode("a</s>a", {}), (Ids{1, 260, 2, 260}));
  EXPECT_EQ(make(data).decode({261}), " a");
}

TEST(Tokenizer, SpecialTokensOnlyOnRequestAndUserDefinedAlways) {
  TokenizerData data = byte_level_base();
  add_token(data, "<|im_end|>", TokenType::kControl);     // 256
  add_token(data, "!!", TokenType::kUserDefined);         // 257
  add_token(data, "<|im_end|>!!!", TokenType::kControl);  // 258
  const Tokenizer t = make(std::move(data));
  const auto encode = [&](std::string_view text, bool parse) { return t.encode(text, {.parse_special = parse}); };
  EXPECT_EQ(encode("a<|im_end|>b", true), (Ids{'a', 256, 'b'}));
  EXPECT_EQ(encode("<|im_end|>!!!", true), (Ids{258}));
  EXPECT_EQ(encode("<|im_end|>!!", true), (Ids{256, 257}));
  for (const int32_t id : encode("<|im_end|>", false)) EXPECT_LT(id, 256);
  EXPECT_EQ(encode("a!!b", false), (Ids{'a', 257, 'b'}));
  EXPECT_EQ(encode("!!!", false), (Ids{257, '!'}));
  EXPECT_EQ(t.token_bytes(257), "!!");
}

TEST(SpecialTokens, LongerNamesWinAnywhereInTheText) {
  TokenizerData data = byte_level_base();
  for (const char* name : {"bcd", "ab", "cd", "abx"}) add_token(data, name, TokenType::kUserDefined);  // 256 …
  data.token_types['a'] = static_cast<int32_t>(TokenType::kUserDefined);
  const auto table = TokenTable::create(VocabularyKind::kByteLevel, data);
  const SpecialTokens specials(**table);
  const auto ids = [&](std::string_view text) {
    Ids result;
    std::string whole;
    for (const TextFragment& f : specials.partition(text, std::vector{ByteRange{0, text.size()}})) {
      result.push_back(f.id);
      whole += f.id >= 0 ? (*table)->name(f.id) : f.text;
    }
    EXPECT_EQ(whole, text);
    return result;
  };
  EXPECT_EQ(ids("abcd"), (Ids{'a', 256}));  // bcd first, then what is left of ab is a
  EXPECT_EQ(ids("abxcd"), (Ids{259, 258}));
  EXPECT_EQ(ids("zabz"), (Ids{-1, 257, -1}));
  EXPECT_EQ(ids(""), Ids{});
  EXPECT_EQ(ids("aaa"), (Ids{'a', 'a', 'a'}));
}

TEST(Tokenizer, EndOfTurnByNameAndHarmony) {
  TokenizerData data = byte_level_base();
  add_token(data, "<|endoftext|>");  // 256, control by its name
  add_token(data, "<|im_end|>");     // 257
  const Tokenizer t = make(data);
  EXPECT_EQ(t.eot(), 257);
  EXPECT_TRUE(t.is_control(256) && t.is_end_of_generation(256) && t.is_end_of_generation(257));
  EXPECT_TRUE(t.is_end_of_generation(11));  // the default EOS
  TokenizerData harmony = byte_level_base();
  for (const char* name : {"<|end|>", "<|return|>", "<|call|>", "<|channel|>"})
    add_token(harmony, name, TokenType::kControl);
  const Tokenizer h = make(std::move(harmony));
  EXPECT_FALSE(h.is_end_of_generation(256));
  EXPECT_TRUE(h.is_end_of_generation(257) && h.is_end_of_generation(258));
  EXPECT_EQ(h.token_bytes(259), "<|channel|>");
  TokenizerData gemma = byte_level_base();
  for (const char* name : {"</s>", "<turn|>", "<|tool_response>"}) add_token(gemma, name, TokenType::kControl);
  const Tokenizer g = make(std::move(gemma));
  EXPECT_TRUE(!g.is_end_of_generation(256) && g.is_end_of_generation(257) && g.is_end_of_generation(258));
}

// Of the model "gemma4", with a merge of characters that the byte alphabet could not spell.
TokenizerData characters_base() {
  TokenizerData data = sentencepiece_base();
  data.model = "gemma4";
  for (const char* name : {"▁", "中", "国", "中国", "a", "▁a", "\n", "\n\n"}) add_token(data, name);  // 259 …
  data.merges = {"中 国", "▁ a"};
  data.bos = 1;
  return data;
}

TEST(Tokenizer, CharactersMergeOfGemma4) {
  TokenizerData data = characters_base();
  EXPECT_EQ(make(data).encode("a a中国中", {}), (Ids{1, 263, 264, 262, 260}));
  EXPECT_EQ(make(data).encode("\n\n\n\na\n\n", {.add_special = false}), (Ids{265, 265, 265, 265, 263, 266}));
  EXPECT_EQ(make(data).encode("é\xFF", {.add_special = false}), (Ids{3 + 0xC3, 3 + 0xA9, 3 + 0xFF}));
  EXPECT_EQ(make(data).decode({264, 262, 3 + 0xC3, 3 + 0xA9}), " a中国é");
  EXPECT_FALSE(make(data).adds_space_prefix() || make(data).eos());
  data.add_bos = false;
  EXPECT_TRUE(make(data).adds_bos());
  EXPECT_EQ(make(data).warnings().size(), 1u);
  data.bos.reset();
  EXPECT_EQ(failure(data), Status::kMalformed);
}

TEST(Tokenizer, CharactersMergeByTheNameOfThePreTokenizer) {
  TokenizerData data = characters_base();
  data.model = "gpt2";
  data.pre = "sarvam-moe";
  EXPECT_EQ(make(data).encode(" a中国", {}), (Ids{264, 262}));
  EXPECT_EQ(make(data).encode("\n\n", {}), (Ids{265, 265}));
  data.pre = "mmbert";  // each word has a mark
  EXPECT_EQ(make(data).encode("a a  \n\na", {}), (Ids{264, 264, 259, 259, 266, 264}));
  data.model = data.pre = "whitespace";
  EXPECT_EQ(make(data).encode(" a\u3000中国\nA", {}), (Ids{263, 262, 3 + 'A'}));
  data.lowercase = true;
  EXPECT_EQ(make(data).encode("A a", {}), (Ids{263, 263}));
}

TEST(Tokenizer, HostileDataIsAnErrorOrDefined) {
  TokenizerData data = sentencepiece_base();
  data.model = "wat";
  EXPECT_EQ(failure(data), Status::kUnsupported);
  EXPECT_EQ(failure({}), Status::kUnsupported);
  data = byte_level_base("wat");
  EXPECT_EQ(failure(data), Status::kUnsupported);
  data = sentencepiece_base();
  data.tokens.clear();
  EXPECT_EQ(failure(data), Status::kMalformed);
  data = sentencepiece_base();
  data.scores.pop_back();
  EXPECT_EQ(failure(data), Status::kMalformed);
  data = sentencepiece_base();
  data.token_types.resize(7);
  EXPECT_EQ(failure(data), Status::kMalformed);
  data = sentencepiece_base();
  data.tokens[50] = kept(std::string(TokenTable::kMaxNameBytes + 1, 'x'));
  EXPECT_EQ(failure(data), Status::kMalformed);
  data = sentencepiece_base();
  data.tokens.resize(1);  // the default BOS lies outside
  EXPECT_EQ(failure(data), Status::kMalformed);
  data = byte_level_base();
  data.eos = 1 << 20;
  data.tokens.resize(5);
  data.add_eos = true;
  EXPECT_EQ(failure(data), Status::kMalformed);
}

TEST(Tokenizer, OddVocabulariesStillEncode) {
  std::mt19937 random(21);
  for (int round = 0; round < 300; ++round) {
    TokenizerData data = round % 2 ? sentencepiece_base() : byte_level_base(round % 4 ? "deepseek-llm" : "tekken");
    for (const auto& [every, model] : {std::pair(5, "t5"), {7, "bert"}, {9, "rwkv"}, {11, "plamo2"}, {13, "gemma4"}})
      if (round % 2 && round % every == 0) data.model = model;
    data.sep = 2;
    for (int i = 0; i < 60; ++i) {
      std::string name = i % 3 ? random_bytes(random, 4) : testing::random_text(random, 3);
      add_token(data, std::move(name), TokenType::kNormal, 0);
      data.token_types.back() = static_cast<int32_t>(random() % 9) - 1;
      data.scores.back() = i % 5 ? static_cast<float>(random() % 7) : (i % 2 ? NAN : INFINITY);
      data.merges.push_back(kept(random_bytes(random, 3) + " " + random_bytes(random, 3)));
    }
    data.bos = data.model == "bert" || data.model == "gemma4" ? 1 : static_cast<int64_t>(random()) - 1000;
    for (size_t byte = 0; data.model == "plamo2" && byte < 256; ++byte) data.token_types[3 + byte] = 6;
    data.eot = -5;
    data.pad = std::numeric_limits<int64_t>::min();
    data.unk = std::numeric_limits<int64_t>::max();
    data.add_bos = false;
    const Tokenizer t = make(std::move(data));
    for (int i = 0; i < 20; ++i) {
      const std::string text = i % 2 ? random_bytes(random, 40) : testing::random_text(random, 12);
      for (const int32_t id : t.encode(text, {.parse_special = i % 4 < 2})) {
        ASSERT_GE(id, 0);
        ASSERT_LT(id, t.vocabulary_size());
      }
    }
  }
}

TEST(Tokenizer, TheLowestIdOwnsADuplicatedName) {
  TokenizerData data = byte_level_base();
  add_token(data, "a");
  add_token(data, "");
  const Tokenizer t = make(std::move(data));
  EXPECT_EQ(t.encode("a", {}), Ids{'a'});
  EXPECT_EQ(t.find("a"), 'a');
  EXPECT_EQ(t.find(""), std::nullopt);
  EXPECT_EQ(t.token_bytes(257), "");
}

TEST(Tokenizer, ManySpecialTokensWithOnePrefix) {
  TokenizerData data = byte_level_base();
  const std::string prefix(200, '<');
  for (int i = 0; i < 200000; ++i) add_token(data, prefix + std::to_string(i), TokenType::kControl);
  const Tokenizer t = make(std::move(data));
  EXPECT_EQ(t.encode(prefix + "77x", {}), (Ids{256 + 77, 'x'}));
  EXPECT_EQ(t.encode(std::string(3000, '<'), {}).size(), 3000u);
}

// A string and a map's node for each of a million tokens would take hundreds of megabytes.
TEST(Tokenizer, ALargeVocabularyTakesFewAllocations) {
  for (const bool pieces : {true, false}) {
    TokenizerData data = pieces ? sentencepiece_base() : byte_level_base();
    for (int i = 0; i < 50000; ++i) add_token(data, "t" + std::to_string(i));
    const test::AllocationCount count;
    const Tokenizer t = make(std::move(data));
    EXPECT_LT(count.allocations(), 500u);
    EXPECT_EQ(t.find("t49999"), t.vocabulary_size() - 1);
  }
}

TEST(Tokenizer, MovesAndServesManyThreads) {
  TokenizerData data = byte_level_base();
  add_merge(data, "h", "i");
  Tokenizer first = make(std::move(data));
  const std::string_view view = first.token_bytes('a');
  const Tokenizer t = std::move(first);
  EXPECT_EQ(view, "a");
  std::vector<std::thread> threads;
  std::vector<Ids> results(8);
  for (Ids& result : results) {
    threads.emplace_back([&t, &result] {
      for (int i = 0; i < 200; ++i) result = t.encode("hi there hi", {});
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Ids& result : results) EXPECT_EQ(result, results[0]);
  EXPECT_EQ(results[0][0], 256);
}

}  // namespace pumice::tokenizer_test
