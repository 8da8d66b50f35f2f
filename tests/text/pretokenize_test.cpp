// GCC 12 warns about std::regex's own code when sanitizers are on.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "text/pretokenize.h"

#include <gtest/gtest.h>

#include <map>
#include <regex>

#include "text/tiny_vocabulary.h"

namespace pumice::pretokenize_test {

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
  EXPECT_EQ(words("kimi-k2", "中文abc's 1234 中x"), (Words{"中文", "abc's", " ", "123", "4", " ", "中", "x"}));
  EXPECT_EQ(words("superbpe", "a1234567b"), (Words{"a", "1", "234", "567", "b"}));
  EXPECT_EQ(words("exaone-moe", "I am a boy 12"), (Words{"I am a boy", " ", "1", "2"}));
  EXPECT_EQ(words("jais-2", std::string(11, ' ') + "x"), (Words{"        ", "  ", " x"}));
  EXPECT_EQ(words("mmbert", "▁a▁b\n\n▁"), (Words{"▁a", "▁b", "\n\n", "▁"}));
  EXPECT_EQ(words("whitespace", "ab  c"), (Words{"ab", "  ", "c"}));
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
// is one byte: @L, @N, @P, @S and @M in the table become that byte and the ASCII members of the class, @J the joiners.
// "(wide)" has code points instead, and "(from the right)" is the rule that groups numbers so.
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
    {"bailingmoe2",
     {"'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\\r\\n@L@N]?[@L]+|[@N]| "
      "?[^\\s@L@N]+[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"}},
    {"seed-coder",
     {"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\\r\\n@L@N]?[@L]+|[@N]| "
      "?[^\\s@L@N\\r\\n]+|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
    {"minicpm5",
     {"[@N]{1,3}",
      "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\\r\\n@L@N]?[@L]+|[@N]+| "
      "?[^\\s@L@N]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
    {"laguna",
     {"[^\\n]+|[\\n]+",
      "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\\r\\n@L@N]?[@L]+|[@N]| "
      "?[^\\s@L@N]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
    {"ufakzeka", {"[^\\r\\n@L@N]?[@L]+|[@N]| ?[^\\s@L@N]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
    {"k2-horizon",
     {"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\\r\\n@L@N]?[@L@M@J]+|[@N]{1,3}| "
      "?[^\\s@L@N]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
    {"jais-2",
     {"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\\r\\n@L@N]?[@L]+|[@N]{1,3}| "
      "?[^\\s@L@N]+[\\r\\n]*|\\s*[\\r\\n]+|\\s{512}(?!\\S)|\\s{256}(?!\\S)|\\s{128}(?!\\S)|\\s{64}(?!\\S)|\\s{32}(?!"
      "\\S)|\\s{16}(?!\\S)|\\s{8}(?!\\S)|\\s{4}(?!\\S)|\\s{1,2}(?!\\S)|\\s{1}"}},
    {"granite-embed-multi-97m",
     {"[^\\r\\n@L@N]?((?=[@L@M])([^a-z]))*((?=[@L@M])([^A-Z]))+(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]"
      ")?|[^\\r\\n@L@N]?((?=[@L@M])([^a-z]))+((?=[@L@M])([^A-Z]))*(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'["
      "dD])?|[@N]{1,3}| ?[^\\s@L@N]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
    {"tiny_aya",
     {"(from the right)",
      "[^\\r\\n@L@N]?[@L@M]+(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|[@N]{1,3}| "
      "?[^\\s@L@N]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
    {"youtu",
     {"(wide)[\\uac00-\\ud7a3\\u3131-\\u318e]+|["
      "\\uff01\\u2026\\u201c\\u201d\\u2018\\u2019\\u2014\\uff1a\\uff1b\\uff0c\\u3001-\\u303f\\ufe30-\\ufe4f]+|[\\u3105-"
      "\\u312f]+|[\\u4e00-\\u9fa5\\u3040-\\u30ff]+",
      "[^\\r\\n@L@N]?[@L@M]+(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])?|[@N]| "
      "?[^\\s@L@N]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
    {"exaone-moe",
     {"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\\r\\n@L@N]?(?:[@L][@M]*(?: [@L][@M]*)*)+|[@N]| "
      "?[^\\s@L@N]+[\\r\\n/]?|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"}},
    {"spark2_5",
     {"[@N]", "(wide)[\\u4e00-\\u9fa5\\u3040-\\u30ff]+",
      "[!-/:-?\\x40\\[-`{-~][A-Za-z]+|[^\\r\\n@L@P@S]?[@L@M]+| ?[@P@S]+|[\\r\\n]|\\s+(?!\\S)|\\s+"}},
    {"hy_v4",
     {"[@N]{1,3}", "(wide)[\\u4e00-\\u9fa5\\u3040-\\u30ff]+",
      "[!-/:-?\\x40\\[-`{-~][A-Za-z]+|[^\\r\\n@L@P@S]?[@L@M]+| ?[@P@S]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
    {"afmoe",
     {"(from the right)",
      "(wide)[\\u4e00-\\u9fff\\u3400-\\u4dbf\\u8c48-\\ufaff\\u3040-\\u30ff\\uff65-\\uff9f\\u2f00-\\u2fdf\\u0e40-"
      "\\u0eff\\u1780-\\u17ff\\u1000-\\u109f\\u1100-\\u11ff]+",
      "[!-/:-?\\x40\\[-`{-~][A-Za-z]+|[^\\r\\n@L@P@S]?[@L@M]+| ?[@P@S]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"}},
    {"superbpe", {"[@N]+", "(wide)(?=([0-9]{3})+(?![0-9]))"}},
    {"bloom", {"(wide) ?[^(\\s|.,!?\\u2026\\u3002\\uff0c\\u3001\\u0964\\u06d4\\u060c)]+"}},
    {"viking", {"(wide) ?[^(\\s|.,!?\\u2026\\u3002\\uff0c\\u3001\\u0964\\u06d4\\u060c)]+", "[@N]"}},
    {"chameleon",
     {"(wide)<sentinel:[0-9]+>", "(wide)(IMGIMG)([A-I]{1,4})Z", "(wide)([\\t\\n]|    |  )", "[@N]",
      "[@P!-/:-?\\x40\\[-`{-~]", "'s|'t|'re|'ve|'m|'ll|'d| ?[@L]+| ?[@N]+| ?[^\\s@L@N]+|\\s+(?!\\S)|\\s+"}},
    {"gemma4", {"[^\\n]+|[\\n]+"}},
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
      case 'S':
        out += "\xD5$+<=>\\^`|~";
        break;
      case 'J':
        out += '\xD6';
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
    if (units.code_points[i] == 0x200C || units.code_points[i] == 0x200D) {
      out += '\xD6';
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

std::wstring widen(const TextUnits& units) {
  std::wstring out;
  for (size_t i = 0; i < units.size(); ++i)
    out += units.classes[i] == CharClass::kSpace && units.code_points[i] > 0x7F ? L'\v' : wchar_t(units.code_points[i]);
  return out;
}

template <typename Char>
std::vector<size_t> split_by(const std::basic_regex<Char>& expression, const std::basic_string<Char>& text,
                             const std::vector<size_t>& ends) {
  std::vector<size_t> result;
  size_t begin = 0;
  for (const size_t end : ends) {
    size_t done = begin;
    for (std::regex_iterator<const Char*> it(text.data() + begin, text.data() + end, expression), stop; it != stop;
         ++it) {
      const size_t at = begin + static_cast<size_t>(it->position());
      if (at > done) result.push_back(at);
      done = at + static_cast<size_t>(it->length());
      if (it->length() > 0) result.push_back(done);
    }
    if (done < end) result.push_back(end);
    begin = end;
  }
  return result;
}

// A cut where the digits up to the end of their run are a multiple of three, and where the run ends.
std::vector<size_t> split_from_the_right(const TextUnits& units) {
  const auto digits_from = [&](size_t i) {
    size_t count = 0;
    while (i + count < units.size() && units.classes[i + count] == CharClass::kNumber) ++count;
    return count;
  };
  std::vector<size_t> result;
  for (size_t i = 1; i <= units.size(); ++i) {
    const bool after_number = units.classes[i - 1] == CharClass::kNumber;
    if (i == units.size() || (after_number && digits_from(i) % 3 == 0)) result.push_back(i);
  }
  return result;
}

std::vector<size_t> split_reference(const TextUnits& units, const std::vector<std::string>& expressions) {
  static std::map<std::string, std::regex> compiled;
  static std::map<std::string, std::wregex> compiled_wide;
  const std::string wide = "(wide)";
  std::vector<size_t> ends;
  if (units.size() > 0) ends.push_back(units.size());
  for (const std::string& e : expressions) {
    if (e == "(from the right)") {
      ends = split_from_the_right(units);
    } else if (e.starts_with(wide)) {
      const std::wstring expression(e.begin() + static_cast<std::ptrdiff_t>(wide.size()), e.end());
      ends = split_by(compiled_wide.try_emplace(e, expression).first->second, widen(units), ends);
    } else {
      ends = split_by(compiled.try_emplace(e, expand(e), std::regex::optimize).first->second, collapse(units), ends);
    }
  }
  return ends;
}

size_t mismatches(const std::string& pre, const std::vector<std::string>& expressions) {
  const auto pre_tokenizer = PreTokenizer::create(pre);
  std::mt19937 random(11);
  size_t count = 0;
  for (int round = 0; round < 1500; ++round) {
    const std::string text = random_text(random, 20) + (round % 8 == 0 ? random_bytes(random, 6) : "");
    const TextUnits units = decode_units(text);
    const std::vector<size_t> ends = split_reference(units, expressions);
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
  EXPECT_GT(mismatches("k2-horizon", kExpressions.at("llama-bpe")), 0u);
  EXPECT_GT(mismatches("bloom", kExpressions.at("viking")), 0u);
  EXPECT_GT(mismatches("spark2_5", kExpressions.at("hy_v4")), 0u);
}

TEST(PreTokenizer, WordsCoverAnyBytes) {
  std::mt19937 random(3);
  for (const char* pre :
       {"default",  "gpt-2",        "llama-bpe",      "qwen2",       "qwen35",     "starcoder", "falcon",     "tekken",
        "gpt-4o",   "deepseek-llm", "deepseek-coder", "deepseek-v3", "kimi-k2",    "mmbert",    "whitespace", "jais-2",
        "superbpe", "afmoe",        "chameleon",      "youtu",       "exaone-moe", "viking"}) {
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

}  // namespace pumice::pretokenize_test
