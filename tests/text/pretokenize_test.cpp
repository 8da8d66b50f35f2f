// GCC 12 warns about std::regex's own code when sanitizers are on.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "text/pretokenize.h"

#include <gtest/gtest.h>

#include <map>
#include <regex>

#include "text/tiny_vocabulary.h"

namespace pumice {
namespace {

using testing::random_bytes;
using testing::random_text;

std::vector<std::string> words(const std::string& pre, std::string_view text) {
  const auto pre_tokenizer = PreTokenizer::create(pre);
  EXPECT_TRUE(pre_tokenizer.ok()) << pre;
  std::vector<std::string> result;
  uint32_t begin = 0;
  for (const uint32_t end : pre_tokenizer->split(text)) {
    result.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return result;
}

using Words = std::vector<std::string>;

TEST(PreTokenizer, KnownCuts) {
  EXPECT_EQ(words("gpt-2", "Hello  world's 1234!?\n\n x "),
            (Words{"Hello", " ", " world", "'s", " 1234", "!?", "\n\n", " x", " "}));
  EXPECT_EQ(words("llama-bpe", "I'LL say 12345\r\n\n  (ok)\n"),
            (Words{"I", "'LL", " say", " ", "123", "45", "\r\n\n", " ", " (", "ok", ")\n"}));
  EXPECT_EQ(words("qwen2", "a123 \tb"), (Words{"a", "1", "2", "3", " ", "\tb"}));
  EXPECT_EQ(words("starcoder", "x12 34"), (Words{"x", "1", "2", " ", "3", "4"}));
  EXPECT_EQ(words("falcon", "a 12345`b`"), (Words{"a", " ", "123", "45", "`", "b", "`"}));
  EXPECT_EQ(words("default", "a 12345`b$"), (Words{"a", " ", "123", "45", "`", "b", "$"}));
  EXPECT_EQ(words("deepseek-coder", "a\n\nb 中文,1中"), (Words{"a", "\n", "\n", "b", " ", "中文", ",", "1", "中"}));
  EXPECT_EQ(words("deepseek-llm", "ab 12 中文\u3000。x  "),
            (Words{"ab", " ", "12", " ", "中文", "\u3000", "。", "x", "  "}));
  EXPECT_EQ(words("deepseek-v3", "x1234 #tag 中あ!"), (Words{"x", "123", "4", " #", "tag", " ", "中あ", "!"}));
  EXPECT_EQ(words("tekken", "HTTPServer é12"), (Words{"HTTPServer", " é", "1", "2"}));
  EXPECT_EQ(words("gpt-4o", "camelCase don't éABC ///\n"), (Words{"camel", "Case", " don't", " é", "ABC", " ///\n"}));
  EXPECT_EQ(words("gpt-2", ""), Words{});
}

TEST(PreTokenizer, AnInvalidByteIsASymbol) {
  EXPECT_EQ(words("gpt-2", "a\xFF\xFE b\xE4"), (Words{"a", "\xFF\xFE", " b", "\xE4"}));
  EXPECT_EQ(words("qwen2", "\xC3z"), (Words{"\xC3z"}));  // as a symbol before letters
}

TEST(PreTokenizer, UnknownNameSaysWhatIsKnown) {
  const auto result = PreTokenizer::create("nonsense");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().status, Status::kUnsupported);
  EXPECT_NE(result.error().message.find("nonsense"), std::string::npos);
  EXPECT_NE(result.error().message.find("llama-bpe"), std::string::npos);
  EXPECT_TRUE(PreTokenizer::create("").ok());
}

// The rules against the regular expressions they stand for, run by std::regex on text in which each class beyond ASCII
// is one byte: @L, @N, @P and @M in the table become that byte and the ASCII members of the class.
const std::map<std::string, std::vector<std::string>> kExpressions = {
    {"gpt-2", {"'s|'t|'re|'ve|'m|'ll|'d| ?[@L]+| ?[@N]+| ?[^\\s@L@N]+|\\s+(?!\\S)|\\s+"}},
    {"llama-bpe",
     {"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\\r\\n@L@N]?[@L]+|[@N]{1,3}| "
      "?[^\\s@L@N]+[\\r\\n]*|\\s*[\\r\\n]+|"
      "\\s+(?!\\S)|\\s+"}},
    {"qwen2",
     {"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\\r\\n@L@N]?[@L]+|[@N]| "
      "?[^\\s@L@N]+[\\r\\n]*|\\s*[\\r\\n]+|"
      "\\s+(?!\\S)|\\s+"}},
    {"qwen35",
     {"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\\r\\n@L@N]?[@L@M]+|[@N]| "
      "?[^\\s@L@M@N]+[\\r\\n]*|\\s*[\\r\\n]+|"
      "\\s+(?!\\S)|\\s+"}},
    {"starcoder", {"[@N]", "'s|'t|'re|'ve|'m|'ll|'d| ?[@L]+| ?[@N]+| ?[^\\s@L@N]+|\\s+(?!\\S)|\\s+"}},
    {"falcon",
     {"[@P\\$\\+<=>\\^~\\|`]+", "'s|'t|'re|'ve|'m|'ll|'d| ?[@L]+| ?[@N]+| ?[^\\s@L@N]+|\\s+(?!\\S)|\\s+",
      "[0-9][0-9][0-9]"}},
    {"default",
     {"[@P\\$\\+<=>\\^~\\|]+", "'s|'t|'re|'ve|'m|'ll|'d| ?[@L]+| ?[@N]+| ?[^\\s@L@N]+|\\s+(?!\\S)|\\s+", "[@N]+",
      "[0-9][0-9][0-9]"}},
    {"tekken",
     {"[^\\r\\n@L@N]?((?=[@L])([^a-z]))*((?=[@L])([^A-Z]))+|[^\\r\\n@L@N]?((?=[@L])([^a-z]))+((?=[@L])([^A-Z]))*|[@N]| "
      "?[^\\s@L@N]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
};

std::string expand(std::string_view expression) {
  std::string out;
  for (size_t i = 0; i < expression.size(); ++i) {
    if (expression[i] != '@') {
      out += expression[i];
      continue;
    }
    switch (expression[++i]) {
      case 'L':
        out +=
            "\xD2"
            "A-Za-z";
        break;
      case 'N':
        out +=
            "\xD1"
            "0-9";
        break;
      case 'P':
        out += "\xD3!-#%-*,-/:-;?-@\\[-\\]_\\{\\}";
        break;
      default:
        out += '\xD4';
    }
  }
  return out;
}

std::string collapse(const TextUnits& units) {
  std::string out;
  for (size_t i = 0; i < units.size(); ++i) {
    if (units.code_points[i] < 128) {
      out += static_cast<char>(units.code_points[i]);
      continue;
    }
    switch (units.classes[i]) {
      case CharClass::kSpace:
        out += '\v';
        break;
      case CharClass::kNumber:
        out += '\xD1';
        break;
      case CharClass::kLetter:
        out += '\xD2';
        break;
      case CharClass::kPunctuation:
        out += '\xD3';
        break;
      case CharClass::kMark:
        out += '\xD4';
        break;
      case CharClass::kSymbol:
        out += '\xD5';
        break;
      default:
        out += '\xD0';
    }
  }
  return out;
}

std::vector<size_t> split_by(const std::regex& expression, const std::string& text, const std::vector<size_t>& ends) {
  std::vector<size_t> result;
  size_t begin = 0;
  for (const size_t end : ends) {
    size_t done = begin;
    for (std::cregex_iterator it(text.data() + begin, text.data() + end, expression), stop; it != stop; ++it) {
      const size_t at = begin + static_cast<size_t>(it->position());
      if (at > done) result.push_back(at);
      done = at + static_cast<size_t>(it->length());
      result.push_back(done);
    }
    if (done < end) result.push_back(end);
    begin = end;
  }
  return result;
}

size_t mismatches(const std::string& pre, const std::vector<std::string>& expressions) {
  std::vector<std::regex> compiled;
  for (const std::string& e : expressions) compiled.emplace_back(expand(e), std::regex::optimize);
  const auto pre_tokenizer = PreTokenizer::create(pre);
  std::mt19937 random(11);
  size_t count = 0;
  for (int round = 0; round < 1500; ++round) {
    const std::string text = random_text(random, 20) + (round % 8 == 0 ? random_bytes(random, 6) : "");
    const TextUnits units = decode_units(text);
    const std::string collapsed = collapse(units);
    std::vector<size_t> ends;
    if (!collapsed.empty()) ends.push_back(collapsed.size());
    for (const std::regex& e : compiled) ends = split_by(e, collapsed, ends);
    std::vector<uint32_t> offsets;
    for (const size_t end : ends) offsets.push_back(units.offsets[end]);
    count += offsets != pre_tokenizer->split(text);
  }
  return count;
}

TEST(PreTokenizer, AgreesWithTheRegularExpressions) {
  for (const auto& [pre, expressions] : kExpressions) EXPECT_EQ(mismatches(pre, expressions), 0u) << pre;
}

TEST(PreTokenizer, TheComparisonCanFail) {
  EXPECT_GT(mismatches("llama-bpe", kExpressions.at("qwen2")), 0u);
  EXPECT_GT(mismatches("qwen35", kExpressions.at("qwen2")), 0u);
  EXPECT_GT(mismatches("falcon", kExpressions.at("default")), 0u);
}

TEST(PreTokenizer, WordsCoverAnyBytes) {
  std::mt19937 random(3);
  for (const char* pre : {"default", "gpt-2", "llama-bpe", "qwen2", "qwen35", "starcoder", "falcon", "tekken", "gpt-4o",
                          "deepseek-llm", "deepseek-coder", "deepseek-v3"}) {
    const auto pre_tokenizer = PreTokenizer::create(pre);
    for (int round = 0; round < 500; ++round) {
      const std::string text = round % 2 ? random_bytes(random, 60) : random_text(random, 20);
      uint32_t begin = 0;
      for (const uint32_t end : pre_tokenizer->split(text)) {
        ASSERT_GT(end, begin) << pre;
        begin = end;
      }
      ASSERT_EQ(begin, text.size()) << pre;
    }
  }
}

}  // namespace
}  // namespace pumice
