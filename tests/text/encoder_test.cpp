// The encoders against slow references, and the amount of work they do.
#include <gtest/gtest.h>

#include <limits>
#include <map>

#include "text/bpe.h"
#include "text/spm.h"
#include "text/tiny_vocabulary.h"
#include "text/tokenizer.h"

namespace pumice::encoder_test {

using testing::add_merge;
using testing::add_token;
using testing::byte_level_base;
using testing::random_bytes;
using testing::sentencepiece_base;

std::vector<int32_t> encode(const Tokenizer& tokenizer, std::string_view text) {
  return tokenizer.encode(text, {.add_special = false, .parse_special = false});
}

std::vector<std::string> pieces_of(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<std::string> names;
  for (const int32_t id : encode(tokenizer, text)) names.emplace_back(tokenizer.token_name(id));
  return names;
}

using Names = std::vector<std::string>;

// Merges the best adjacent pair again and again; `rank` gives a pair's rank, smaller first, or infinity.
template <typename Rank>
std::vector<std::string> merge_slowly(std::vector<std::string> parts, Rank rank) {
  while (true) {
    size_t best = parts.size();
    double best_rank = std::numeric_limits<double>::infinity();
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      const double r = rank(parts[i], parts[i + 1]);
      if (r < best_rank) {
        best_rank = r;
        best = i;
      }
    }
    if (best == parts.size()) return parts;
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

std::vector<std::string> one_by_one(std::string_view text) {
  std::vector<std::string> parts;
  for (const char c : text) parts.emplace_back(1, c);
  return parts;
}

std::string random_word(std::mt19937& random, std::string_view letters, size_t max_size) {
  std::string word(1 + random() % max_size, ' ');
  for (char& c : word) c = letters[random() % letters.size()];
  return word;
}

TEST(BpeEncoder, RandomMergesAgreeWithTheSlowReference) {
  std::mt19937 random(5);
  for (int vocabulary = 0; vocabulary < 60; ++vocabulary) {
    TokenizerData data = byte_level_base();
    std::vector<std::string> known = one_by_one("abcd");
    std::map<std::pair<std::string, std::string>, double> ranks;
    for (int merge = 0; merge < 25; ++merge) {
      const std::string left = known[random() % known.size()];
      const std::string right = known[random() % known.size()];
      if (!ranks.emplace(std::pair(left, right), merge).second) continue;
      add_merge(data, left, right);
      known.push_back(left + right);
    }
    const auto tokenizer = Tokenizer::create(std::move(data));
    ASSERT_TRUE(tokenizer.ok());
    for (int round = 0; round < 40; ++round) {
      const std::string word = random_word(random, "abcd", 40);
      const auto expected = merge_slowly(one_by_one(word), [&](const std::string& l, const std::string& r) {
        const auto found = ranks.find({l, r});
        return found == ranks.end() ? std::numeric_limits<double>::infinity() : found->second;
      });
      ASSERT_EQ(pieces_of(*tokenizer, word), expected) << word;
    }
  }
}

TEST(SpmEncoder, RandomScoresAgreeWithTheSlowReference) {
  std::mt19937 random(6);
  for (int vocabulary = 0; vocabulary < 60; ++vocabulary) {
    TokenizerData data = sentencepiece_base();
    data.add_space_prefix = false;
    std::map<std::string, double> scores;
    const bool across_words = vocabulary % 2 == 0;
    for (const char c : std::string("abc")) add_token(data, std::string(1, c), TokenType::kNormal, -100);
    add_token(data, "▁", TokenType::kNormal, -100);
    for (int token = 0; token < 40; ++token) {
      std::string name = random_word(random, across_words ? "abc " : "abc", 5);
      if (!across_words && random() % 2) name = std::string(random() % 3, ' ') + name;
      const auto score = static_cast<float>(random() % 20);
      if (name.size() < 2 || !scores.emplace(name, score).second) continue;
      std::string marked;
      for (const char c : name) marked += c == ' ' ? std::string("▁") : std::string(1, c);
      add_token(data, marked, TokenType::kNormal, score);
    }
    const auto tokenizer = Tokenizer::create(std::move(data));
    ASSERT_TRUE(tokenizer.ok());
    for (int round = 0; round < 40; ++round) {
      const std::string text = random_word(random, "abc ", 40);
      const auto expected = merge_slowly(one_by_one(text), [&](const std::string& l, const std::string& r) {
        const auto found = scores.find(l + r);
        return found == scores.end() ? std::numeric_limits<double>::infinity() : -found->second;
      });
      std::vector<std::string> got;
      for (const int32_t id : encode(*tokenizer, text)) got.emplace_back(tokenizer->token_bytes(id));
      ASSERT_EQ(got, expected) << text;
    }
  }
}

TEST(SpmEncoder, PrefixBytesAndUnknown) {
  TokenizerData data = sentencepiece_base();
  for (const char* name : {"▁", "a", "b", "▁a"}) add_token(data, name, TokenType::kNormal, -1);
  const auto tokenizer = Tokenizer::create(data);
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_EQ(pieces_of(*tokenizer, "ab a"), (Names{"▁a", "b", "▁a"}));
  EXPECT_EQ(pieces_of(*tokenizer, "é"), (Names{"▁", "<0xC3>", "<0xA9>"}));
  EXPECT_EQ(pieces_of(*tokenizer, "\xFF\xE2\x96"), (Names{"▁", "<0xFF>", "<0xE2>", "<0x96>"}));
  EXPECT_EQ(pieces_of(*tokenizer, ""), Names{});
  for (size_t i = 3; i < 259; ++i) data.tokens[i] = testing::kept("gone" + std::to_string(i));
  EXPECT_EQ(pieces_of(*Tokenizer::create(data), "éa"), (Names{"▁", "<unk>", "<unk>", "a"}));
}

TEST(SpmEncoder, TextNeverBecomesASpecialOrByteToken) {
  TokenizerData data = sentencepiece_base();
  for (const char* name : {"<", "s", ">", "<s", "0", "x", "4", "1", "<0", "<0x", "<0x4", "<0x41"}) {
    add_token(data, name, TokenType::kNormal, 1);
  }
  data.add_space_prefix = false;
  const auto tokenizer = Tokenizer::create(std::move(data));
  EXPECT_EQ(pieces_of(*tokenizer, "<s>"), (Names{"<s", ">"}));
  EXPECT_EQ(pieces_of(*tokenizer, "<0x41>"), (Names{"<0x41", ">"}));
}

TEST(BpeEncoder, WholeWordsComeBeforeMergesWhereThePreTokenizerSaysSo) {
  for (const char* pre : {"llama-bpe", "qwen2"}) {
    TokenizerData data = byte_level_base(pre);
    data.bos = 0;
    add_merge(data, "b", "c");
    add_token(data, "abc");
    const Names expected = std::string(pre) == "llama-bpe" ? Names{"abc"} : Names{"a", "bc"};
    EXPECT_EQ(pieces_of(*Tokenizer::create(std::move(data)), "abc"), expected);
  }
}

TEST(BpeEncoder, StrangeMergesDoNoHarm) {
  TokenizerData data = byte_level_base();
  add_merge(data, "a", "b");
  for (const char* merge : {"", " ", "a", " a", "a ", "  ", "中 文", "nope nada", "a b", "\xFF \xFE"})
    data.merges.emplace_back(merge);
  data.merges.push_back("c d");  // "cd" is no token: it merges, and then falls back to its bytes
  const auto tokenizer = Tokenizer::create(std::move(data));
  ASSERT_TRUE(tokenizer.ok());
  EXPECT_EQ(pieces_of(*tokenizer, "abcd"), (Names{"ab", "c", "d"}));
}

TEST(BpeEncoder, AMissingByteIsDropped) {
  TokenizerData data = byte_level_base();
  data.tokens['z'] = "something else";
  EXPECT_EQ(pieces_of(*Tokenizer::create(std::move(data)), "azb"), (Names{"a", "b"}));
}

// Three lookups per byte at most: one to begin with and two per merge, of which there are fewer than bytes.
TEST(Encoders, WorkIsLinearInTheText) {
  TokenizerData bpe_data = byte_level_base();
  TokenizerData spm_data = sentencepiece_base();
  std::string run = "a";
  add_token(spm_data, "a");
  for (int i = 0; i < 8; ++i, run += run) {
    add_merge(bpe_data, run, run);
    add_token(spm_data, run + run, TokenType::kNormal, static_cast<float>(i));
  }
  const auto pre = PreTokenizer::create("gpt-2");
  const auto bpe_table = TokenTable::create(VocabularyKind::kByteLevel, bpe_data);
  const auto spm_table = TokenTable::create(VocabularyKind::kSentencePiece, spm_data);
  ASSERT_TRUE(bpe_table.ok() && spm_table.ok());
  const BpeEncoder bpe(**bpe_table, bpe_data.merges, *pre);
  const SpmEncoder spm(**spm_table);
  for (const size_t size : {1000u, 30000u, 300000u}) {
    const std::string text(size, 'a');
    EncodeWork work;
    std::vector<int32_t> ids;
    bpe.encode(text, ids, &work);
    EXPECT_GT(work.pair_lookups, size / 2);
    EXPECT_LE(work.pair_lookups, 3 * size);
    EXPECT_LE(ids.size(), size / 256 + 16);
    ids.clear();
    spm.encode(text, false, ids, &work);
    EXPECT_GT(work.pair_lookups, size / 2);
    EXPECT_LE(work.pair_lookups, 3 * size);
    EXPECT_LE(ids.size(), size / 256 + 16);
  }
}

TEST(Encoders, RandomBytesSurvive) {
  std::mt19937 random(9);
  TokenizerData bpe_data = byte_level_base();
  add_merge(bpe_data, "\xC3", "\xA9");
  add_merge(bpe_data, " ", "a");
  const auto bpe = Tokenizer::create(std::move(bpe_data));
  TokenizerData spm_data = sentencepiece_base();
  for (const char* name : {"▁", "a", "é", "▁a"}) add_token(spm_data, name, TokenType::kNormal, -1);
  const auto spm = Tokenizer::create(std::move(spm_data));
  for (int round = 0; round < 2000; ++round) {
    const std::string text = round % 2 ? random_bytes(random, 50) : testing::random_text(random, 20);
    ASSERT_EQ(bpe->decode(encode(*bpe, text)), text);
    ASSERT_EQ(spm->decode(encode(*spm, text)), text);
  }
}

}  // namespace pumice::encoder_test
