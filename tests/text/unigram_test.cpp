// Encoders that look for the best or the longest of a tree of names, against slow references.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <map>
#include <set>
#include <span>

#include "text/charsmap.h"
#include "text/prefix_tree.h"
#include "text/tiny_vocabulary.h"
#include "text/tokenizer.h"

namespace pumice::unigram_test {

using testing::add_token;
using testing::kept;
using Ids = std::vector<int32_t>;
using Names = std::vector<std::string>;

Tokenizer make(TokenizerData data) {
  auto tokenizer = Tokenizer::create(std::move(data));
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  return std::move(tokenizer).value();
}

Names pieces_of(const Tokenizer& tokenizer, std::string_view text) {
  Names names;
  for (const int32_t id : tokenizer.encode(text, {.add_special = false, .parse_special = false}))
    names.emplace_back(tokenizer.token_name(id));
  return names;
}

// Ids 0 to 2: padding, end, unknown.
TokenizerData unigram_base() {
  TokenizerData data;
  data.model = "t5";
  add_token(data, "<pad>", TokenType::kControl);
  add_token(data, "</s>", TokenType::kControl);
  add_token(data, "<unk>", TokenType::kUnknown);
  return data;
}

// A double array of the rules: each node's children at the first offset of its own that is free for all of them.
std::vector<std::byte> charsmap_of(const std::map<std::string, std::string>& rules) {
  std::map<uint32_t, uint32_t> units = {{0, 0}};
  std::set<uint32_t> bases;
  std::string replacements;
  const std::function<void(uint32_t, const std::string&)> place = [&](uint32_t at, const std::string& prefix) {
    std::set<uint8_t> labels;  // 0: a rule ends here
    for (const auto& [from, to] : rules)
      if (from.starts_with(prefix))
        labels.insert(from.size() == prefix.size() ? 0 : static_cast<uint8_t>(from[prefix.size()]));
    uint32_t base = 1;
    const auto taken = [&](uint8_t label) { return units.count(base ^ label) > 0; };
    while (bases.count(base) > 0 || std::any_of(labels.begin(), labels.end(), taken)) ++base;
    bases.insert(base);
    units[at] |= (at ^ base) << 10 | (labels.count(0) ? 1u << 8 : 0);
    for (const uint8_t label : labels) units[base ^ label] = label;
    for (const uint8_t label : labels) {
      if (label != 0) {
        place(base ^ label, prefix + static_cast<char>(label));
        continue;
      }
      units[base] = 1u << 31 | static_cast<uint32_t>(replacements.size());
      replacements += rules.at(prefix) + '\0';
    }
  };
  place(0, "");
  std::vector<uint32_t> words(units.rbegin()->first + 257);
  for (const auto& [at, unit] : units) words[at] = unit;
  words.insert(words.begin(), static_cast<uint32_t>(words.size() * sizeof(uint32_t)));
  const auto bytes = std::as_bytes(std::span(words));
  std::vector<std::byte> out(bytes.begin(), bytes.end());
  for (const char c : replacements) out.push_back(static_cast<std::byte>(c));
  return out;
}

TEST(Charsmap, RandomRulesAgreeWithTheMap) {
  std::mt19937 random(41);
  for (int round = 0; round < 200; ++round) {
    std::map<std::string, std::string> rules;
    const auto word = [&](size_t max) {
      std::string text;
      for (size_t n = 1 + random() % max; n > 0; --n) text += "ab\xC3\xA9"[random() % 4];
      return text;
    };
    for (int i = 0; i < 10; ++i) rules[word(4)] = random() % 4 ? word(3) : "";
    const auto map = Charsmap::create(charsmap_of(rules));
    ASSERT_TRUE(map.ok()) << map.error().message;
    for (int i = 0; i < 50; ++i) {
      const std::string text = word(8);
      size_t length = text.size();
      while (length > 0 && rules.count(text.substr(0, length)) == 0) --length;
      const Charsmap::Match match = map->longest(text);
      ASSERT_EQ(match.length, length) << text;
      if (length > 0) {
        ASSERT_EQ(match.replacement, rules.at(text.substr(0, length)));
      }
    }
  }
}

TEST(Charsmap, HostileBytesAreAnErrorOrDefined) {
  std::mt19937 random(42);
  for (int round = 0; round < 2000; ++round) {
    const std::string bytes = testing::random_bytes(random, 400);
    std::vector<std::byte> blob(4);
    for (const char c : bytes) blob.push_back(static_cast<std::byte>(c));
    const auto size = static_cast<uint32_t>(round % 3 ? bytes.size() / 2 : random());
    std::memcpy(blob.data(), &size, sizeof(size));
    const auto map = Charsmap::create(blob);
    ASSERT_EQ(map.ok(), size < bytes.size());
    for (int i = 0; map.ok() && i < 20; ++i) {
      const std::string text = testing::random_bytes(random, 12);
      ASSERT_LE(map->longest(text).length, text.size());
    }
  }
  EXPECT_FALSE(Charsmap::create(std::vector<std::byte>(3)).ok());
  EXPECT_TRUE(Charsmap::create({}).ok());
}

TEST(Unigram, Normalises) {
  TokenizerData data = unigram_base();
  for (const char* name : {"▁", "a", "b", "é", "fi", "▁a", "▁▁"}) add_token(data, name, TokenType::kNormal, -1);
  add_token(data, "<x>", TokenType::kUserDefined);
  data.charsmap = charsmap_of({{"ﬁ", "fi"}, {"e\u0301", "é"}, {"\t", " "}, {"\u200b", ""}});
  EXPECT_EQ(pieces_of(make(data), "a  \tﬁ e\u0301\u200ba "), (Names{"a", "▁", "▁▁", "fi", "▁", "é", "a", "▁"}));
  data.add_space_prefix = true;
  EXPECT_EQ(pieces_of(make(data), "a b"), (Names{"▁a", "▁", "b"}));
  EXPECT_EQ(pieces_of(make(data), " a"), (Names{"▁", "▁a"}));
  EXPECT_EQ(pieces_of(make(data), " "), (Names{"▁"}));
  data.remove_spaces = true;
  EXPECT_EQ(pieces_of(make(data), "  a   b "), (Names{"▁a", "▁", "b"}));
  EXPECT_EQ(pieces_of(make(data), "a<x>a"), (Names{"▁a", "<x>", "▁a"}));  // a token parts texts
  EXPECT_EQ(pieces_of(make(data), "  "), Names{});
  EXPECT_EQ(pieces_of(make(data), "azy\xFFza"), (Names{"▁a", "<unk>", "a"}));
  EXPECT_EQ(make(data).encode("a", {}), (Ids{8, 1}));
  data.add_eos = false;
  EXPECT_EQ(make(data).encode("a", {}), (Ids{8}));
}

// The best sum over all ways to cut the text; `cost` gives what a part costs, or infinity.
double best_slowly(const std::string& text, const std::function<double(const std::string&)>& cost) {
  std::vector<double> best(text.size() + 1, INFINITY);
  best[0] = 0;
  for (size_t end = 1; end <= text.size(); ++end)
    for (size_t begin = 0; begin < end; ++begin)
      best[end] = std::min(best[end], best[begin] + cost(text.substr(begin, end - begin)));
  return best[text.size()];
}

TEST(Unigram, RandomScoresAgreeWithTheSlowReference) {
  std::mt19937 random(43);
  std::uniform_real_distribution<float> scores(-20, -1);
  for (int vocabulary = 0; vocabulary < 60; ++vocabulary) {
    TokenizerData data = unigram_base();
    std::map<std::string, double> known;
    double lowest = 0;
    for (int i = 0; i < 12; ++i) {
      std::string name;
      for (size_t n = 1 + random() % 4; n > 0; --n) name += "abc"[random() % 3];
      if (known.count(name)) continue;
      const bool user_defined = random() % 12 == 0;
      known[name] = user_defined ? 0 : double{scores(random)};
      add_token(data, name, user_defined ? TokenType::kUserDefined : TokenType::kNormal,
                static_cast<float>(known[name]));
      if (!user_defined) lowest = std::min(lowest, known[name]);
    }
    const Tokenizer t = make(std::move(data));
    const auto cost = [&](const std::string& part) {
      if (const auto found = known.find(part); found != known.end()) return -found->second;
      return part.size() == 1 ? 10 - lowest : INFINITY;
    };
    for (int round = 0; round < 60; ++round) {
      std::string text;
      for (size_t n = 1 + random() % 12; n > 0; --n) text += "abc"[random() % 3];
      // User-defined names part texts before the encoder sees them; the rest is cut at the least cost.
      std::string joined;
      double sum = 0;
      bool tokens = false;
      for (const std::string& name : pieces_of(t, text)) {
        joined += name;
        sum += name == "<unk>" ? 0 : cost(name);
        tokens |= name == "<unk>" || (known.count(name) && known[name] == 0);
      }
      if (tokens) continue;
      ASSERT_EQ(joined, text);
      ASSERT_NEAR(sum, best_slowly(text, cost), 1e-4) << text;
    }
  }
}

TEST(Rwkv, TheLongestNameIsTaken) {
  TokenizerData data;
  data.model = "rwkv";
  add_token(data, "<s>", TokenType::kControl);
  for (const char* name : {"a", "ab", "abcd", "\\n", "\\xe4\\xb8", "\\\\", "\\t\\x00"}) add_token(data, name);
  const Tokenizer t = make(data);
  EXPECT_EQ(t.encode("abcabcd\n\\\xE4\xB8zab", {}), (Ids{2, 3, 4, 6, 5, 2}));  // no unknown token: c and z vanish
  EXPECT_EQ(t.encode(std::string_view("\t\0", 2), {}), (Ids{7}));
  EXPECT_EQ(t.token_bytes(5), "\xE4\xB8");
  EXPECT_EQ(t.decode({7, 4}), std::string("\t\0\n", 3));
  data.unk = 0;
  EXPECT_EQ(make(data).encode("aza", {.parse_special = false}), (Ids{1, 0, 1}));
}

TEST(Plamo, RandomScoresAgreeWithTheSlowReference) {
  std::mt19937 random(44);
  for (int vocabulary = 0; vocabulary < 60; ++vocabulary) {
    TokenizerData data = testing::sentencepiece_base();
    data.model = "plamo2";
    std::map<std::string, double> known;
    for (int i = 0; i < 12; ++i) {
      std::string name;
      for (size_t n = 1 + random() % 4; n > 0; --n) name += "abc"[random() % 3];
      const auto steps = -static_cast<double>(random() % 150000);
      if (known.emplace(name, steps).second) add_token(data, name, TokenType::kNormal, static_cast<float>(steps / 1e4));
    }
    const Tokenizer t = make(std::move(data));
    const auto cost = [&](const std::string& part) {
      if (const auto found = known.find(part); found != known.end()) return -found->second;
      return part.size() == 1 ? 1e7 : INFINITY;
    };
    for (int round = 0; round < 60; ++round) {
      std::string text;
      for (size_t n = 1 + random() % 12; n > 0; --n) text += "abc"[random() % 3];
      double sum = 0;
      for (const int32_t id : t.encode(text, {}))
        sum += t.token_name(id).starts_with("<0x") ? 1e7 : cost(std::string(t.token_name(id)));
      ASSERT_EQ(sum, best_slowly(text, cost)) << text;
      ASSERT_EQ(t.decode(t.encode(text, {})), text);
    }
    EXPECT_EQ(t.decode(t.encode("\xFFé\xE4", {})), "\xFFé\xE4");
    EXPECT_EQ(t.decode(t.encode("\uFEFFa", {})), "a");
  }
  TokenizerData data = testing::sentencepiece_base();
  data.model = "plamo2";
  data.token_types[100] = static_cast<int32_t>(TokenType::kNormal);
  EXPECT_EQ(Tokenizer::create(std::move(data)).error().status, Status::kMalformed);
}

TEST(PrefixTree, FindsTheLongestName) {
  std::mt19937 random(45);
  for (int round = 0; round < 200; ++round) {
    PrefixTree::Names names;
    std::map<std::string_view, int32_t> first;
    for (int32_t id = 0; id < 40; ++id) {
      const std::string_view name = kept(testing::random_bytes(random, 3));
      names.emplace_back(name, id);
      if (!name.empty()) first.emplace(name, id);
    }
    const PrefixTree tree(names);
    for (int i = 0; i < 50; ++i) {
      const std::string text = i % 2 ? testing::random_bytes(random, 5) : std::string(names[random() % 40].first) + "x";
      size_t length = text.size();
      while (length > 0 && first.count(text.substr(0, length)) == 0) --length;
      const PrefixTree::Match match = tree.longest(text);
      ASSERT_EQ(match.length, length);
      ASSERT_EQ(match.id, length > 0 ? first.at(std::string_view(text).substr(0, length)) : -1);
    }
  }
}

}  // namespace pumice::unigram_test
