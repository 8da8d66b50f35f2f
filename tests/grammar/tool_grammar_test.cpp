// Calls under a grammar: whatever the masks let through comes back as calls that the tools' schemas accept.
//
// With PUMICE_TEST_CHAT_TEMPLATES=FOLDER the same with each of the templates there (see chat_fixtures_test.cpp).
#include "grammar/tool_grammar.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <regex>
#include <set>

#include "bench/json_schema.h"
#include "support/slice.h"
#include "tests/grammar/grammar_support.h"
#include "text/chat/json.h"
#include "text/chat/reply.h"
#include "text/tiny_vocabulary.h"

namespace pumice::test::tool_grammar_test {

namespace fs = std::filesystem;
using namespace pumice::chat;
using grammar::Grammar;
using grammar::Matcher;
using grammar::TokenTrie;
using grammar::ToolChoice;

constexpr const char* kTools = R"([
  {"type":"function","function":{"name":"get_tide","description":"The tide","parameters":{"type":"object",
    "properties":{"harbour":{"type":"string"},"hours":{"type":"integer","minimum":0},"exact":{"type":"boolean"},
      "kind":{"type":"string","enum":["high","low"]},"code":{"type":"string","pattern":"^[A-Z]{2,3}$"}},
    "required":["harbour","hours"],"additionalProperties":false}}},
  {"type":"function","function":{"name":"add","parameters":{"type":"object",
    "properties":{"values":{"type":"array","items":{"type":"number"},"minItems":1},
      "options":{"$ref":"#/$defs/o"}},"required":["values"],"additionalProperties":false,
    "$defs":{"o":{"type":"object","properties":{"unit":{"type":["string","null"]}},"additionalProperties":false}}}}},
  {"type":"function","function":{"name":"now"}}])";

// Spelled as models of today spell calls.
const char* const kTemplates[] = {
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}{% for c in m.tool_calls or [] %}{{ "
    "'\n<tool_call>\n' }}"
    "{\"name\": \"{{ c.function.name }}\", \"arguments\": {{ c.function.arguments | tojson }}}\n</tool_call>"
    "{% endfor %}<|im_end|>\n{% endfor %}",
    "{% for m in messages %}{{ m.content }}{% for c in m.tool_calls or [] %}[TOOL_CALLS]{{ c.function.name }}"
    "[CALL_ID]{{ c.id }}[ARGS]{{ c.function.arguments | tojson }}{% endfor %}</s>{% endfor %}",
    "{% for m in messages %}{{ m.content }}{% if m.tool_calls %}[TOOL_CALLS][{% for c in m.tool_calls %}"
    "{% if not loop.first %}, {% endif %}{\"name\": \"{{ c.function.name }}\", \"arguments\": "
    "{{ c.function.arguments | tojson }}, \"id\": \"{{ c.id }}\"}{% endfor %}]{% endif %}</s>{% endfor %}",
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}{% for c in m.tool_calls or [] %}{{ "
    "'\n<tool_call>\n' }}"
    "<function={{ c.function.name }}>\n{% for k, v in c.function.arguments | items %}<parameter={{ k }}>\n"
    "{{ v if v is string else v | tojson }}\n</parameter>\n{% endfor %}</function>\n</tool_call>{% endfor %}"
    "<|im_end|>\n{% endfor %}",
    "{% for m in messages %}{{ m.content }}{% for c in m.tool_calls or [] %}<tool_call>{{ c.function.name }}"
    "{% for k, v in c.function.arguments | items %}<arg_key>{{ k }}</arg_key><arg_value>"
    "{{ v if v is string else v | tojson }}</arg_value>{% endfor %}</tool_call>{% endfor %}{% endfor %}",
    "{% for m in messages %}{{ m.content }}{% for c in m.tool_calls or [] %}<|tool_call_begin|>{{ c.id }}"
    "<|tool_call_argument_begin|>{{ c.function.arguments | tojson }}<|tool_call_end|>{% endfor %}{% endfor %}",
};

std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// All bytes, the texts between the parts, and those of their marks that look like control tokens.
struct Vocabulary {
  explicit Vocabulary(const CallSpelling& spelling) {
    TokenizerData data = testing::byte_level_base();
    std::set<std::string> texts = {spelling.trigger,       spelling.head,     spelling.middle, spelling.between,
                                   spelling.tail,          spelling.first,    spelling.next,   spelling.empty_tail,
                                   spelling.empty_between, spelling.value_end};
    texts.insert(spelling.equals.begin(), spelling.equals.end());
    const std::regex mark(R"re(<[|][^<>]*[|]?>|\[[A-Z_]+\])re");
    std::set<std::string> controls;
    for (const std::string& text : texts)
      for (std::sregex_iterator at(text.begin(), text.end(), mark); at != std::sregex_iterator(); ++at)
        controls.insert(at->str());
    for (const std::string& text : texts)
      if (!text.empty() && !controls.contains(text)) testing::add_token(data, testing::in_alphabet(text));
    for (const std::string& text : controls) testing::add_token(data, text, TokenType::kControl);
    data.bos = data.eos = static_cast<int64_t>(data.tokens.size());
    testing::add_token(data, "</s>", TokenType::kControl);
    tokenizer.emplace(std::move(Tokenizer::create(std::move(data))).value());
    trie = TokenTrie::create(*tokenizer);
  }
  std::optional<Tokenizer> tokenizer;
  std::shared_ptr<const TokenTrie> trie;
};

// Drawn from the masks; what leads on or ends something is the likelier. Empty: it did not end in time.
std::string drawn(const std::shared_ptr<const Grammar>& grammar, const Vocabulary& vocabulary, std::mt19937& random) {
  constexpr int kMostTokens = 1500;
  Matcher matcher(grammar, vocabulary.trie);
  std::string text;
  for (int step = 0; step < kMostTokens; ++step) {
    if (matcher.can_end() && random() % 3 == 0) return text;
    const auto mask = matcher.mask();
    if (!mask) {
      ADD_FAILURE() << mask.error().message;
      return {};
    }
    std::vector<int32_t> all, leading;
    for (int32_t token = 0; token < vocabulary.tokenizer->vocabulary_size(); ++token) {
      if (!((**mask)[static_cast<size_t>(token) / 32] >> (token % 32) & 1)) continue;
      if (vocabulary.tokenizer->is_end_of_generation(token)) continue;
      all.push_back(token);
      if (token >= 256 || std::string_view("\"}],:/").find(static_cast<char>(token)) != std::string_view::npos)
        leading.push_back(token);
    }
    if (all.empty()) {
      EXPECT_TRUE(matcher.can_end()) << "a dead end: " << text;
      return text;
    }
    const std::vector<int32_t>& from = !leading.empty() && random() % 2 == 0 ? leading : all;
    const int32_t token = from[random() % from.size()];
    EXPECT_TRUE(*matcher.accept(token));
    text += vocabulary.tokenizer->token_bytes(token, true);
  }
  return {};
}

nlohmann::json parameters_of(const std::string& name) {
  for (const auto& tool : nlohmann::json::parse(kTools))
    if (tool["function"]["name"] == name)
      return tool["function"].value("parameters", nlohmann::json{{"type", "object"}, {"additionalProperties", false}});
  return {{"enum", nlohmann::json::array()}};
}

// What is wrong with a reply; empty: nothing.
std::string problem_of(const ChatTemplate& chat, const std::string& eos, const std::string& reply,
                       const std::string& only) {
  ReplyParser parser(marks_of(chat.source(), eos), "", parse_json(kTools, false).value());
  parser.push(reply);
  parser.finish();
  const nlohmann::json message = nlohmann::json::parse(message_json(parser.message()));
  if (!message.contains("tool_calls")) return "no call";
  if (message["content"] != "") return "content: " + message["content"].dump();
  for (const auto& call : message["tool_calls"]) {
    const std::string name = call["function"]["name"];
    if (!only.empty() && name != only) return "another tool: " + name;
    const std::string wrong = SchemaValidator(parameters_of(name)).validate(call["function"]["arguments"]);
    if (!wrong.empty()) return name + ": " + wrong;
  }
  return {};
}

struct Tally {
  size_t ended = 0, cut = 0, several = 0;
};

void expect_valid(const ChatTemplate& chat, const std::string& eos, const CallSpelling& spelling, size_t rounds,
                  std::mt19937& random, Tally* tally) {
  const Vocabulary vocabulary(spelling);
  const Json tools = Json::parse(kTools).value();
  for (const char* only : {"", "add"}) {
    const auto grammar = testing::made(
        grammar::tool_grammar(tools, spelling, *vocabulary.tokenizer, {.choice = ToolChoice::kRequired, .only = only}));
    for (size_t round = 0; round < rounds; ++round) {
      const std::string reply = drawn(grammar, vocabulary, random);
      if (reply.empty()) {
        ++tally->cut;
        continue;
      }
      ++tally->ended;
      if (!spelling.between.empty() && reply.find(spelling.between) != std::string::npos) ++tally->several;
      const std::string problem = problem_of(chat, eos, reply, only);
      EXPECT_TRUE(problem.empty()) << problem << "\n" << reply;
    }
  }
}

TEST(ToolGrammar, FiveHundredCallsValidate) {
  PUMICE_SLICE(1);
  std::mt19937 random(5);
  Tally tally;
  for (const char* source : kTemplates) {
    const ChatTemplate chat = ChatTemplate::parse(source).value();
    const Result<CallSpelling> spelling = call_spelling(chat, {"<s>", "</s>"});
    ASSERT_TRUE(spelling) << spelling.error().message << "\n" << source;
    EXPECT_TRUE(spelling->several) << source;
    expect_valid(chat, "</s>", *spelling, 50, random, &tally);
  }
  EXPECT_GE(tally.ended, 500u);
  EXPECT_GT(tally.several, 20u);
  RecordProperty("calls", std::to_string(tally.ended));
  RecordProperty("cut", std::to_string(tally.cut));
}

TEST(ToolGrammar, ChoicesSayWhetherTheyComeAndWhich) {
  const ChatTemplate chat = ChatTemplate::parse(kTemplates[0]).value();
  const CallSpelling spelling = call_spelling(chat, {"", "</s>"}).value();
  const Vocabulary vocabulary({});  // of bytes alone: marks are texts
  const Json tools = Json::parse(kTools).value();
  const auto made = [&](ToolChoice choice, const char* only, bool several = true) {
    return testing::made(grammar::tool_grammar(tools, spelling, *vocabulary.tokenizer,
                                               {.choice = choice, .only = only, .several = several}));
  };
  const std::string call = "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>";
  const std::string other = "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"values\":[1]}}\n</tool_call>";
  const auto automatic = made(ToolChoice::kAuto, "");
  EXPECT_TRUE(testing::accepts(automatic, "Just a text."));
  EXPECT_TRUE(testing::accepts(automatic, "I look.\n" + call + "\n" + other));
  EXPECT_FALSE(
      testing::accepts(automatic, "I look.\n<tool_call>\n{\"name\": \"none\", \"arguments\": {}}\n</tool_call>"));
  const auto none = made(ToolChoice::kNone, "");
  EXPECT_TRUE(testing::accepts(none, "Just a <tool> text."));
  EXPECT_FALSE(testing::accepts(none, call));
  const auto required = made(ToolChoice::kRequired, "");
  EXPECT_TRUE(testing::accepts(required, call + "\n" + other));
  EXPECT_FALSE(testing::accepts(required, "Text."));
  const auto named = made(ToolChoice::kRequired, "add", false);
  EXPECT_TRUE(testing::accepts(named, other));
  EXPECT_FALSE(testing::accepts(named, call));
  EXPECT_FALSE(testing::accepts(named, other + "\n" + other)) << "one call";
}

TEST(ToolGrammar, ControlTokensAreTokensAndNoTexts) {
  const ChatTemplate chat = ChatTemplate::parse(kTemplates[1]).value();
  const CallSpelling spelling = call_spelling(chat, {"", "</s>"}).value();
  const Vocabulary vocabulary(spelling);
  Matcher matcher(testing::made(grammar::tool_grammar(Json::parse(kTools).value(), spelling, *vocabulary.tokenizer,
                                                      {.choice = ToolChoice::kRequired, .only = "now"})),
                  vocabulary.trie);
  EXPECT_FALSE(*matcher.accept('['));
  EXPECT_TRUE(*matcher.accept(*vocabulary.tokenizer->find("[TOOL_CALLS]")));
  for (const char c : {'n', 'o', 'w'}) EXPECT_TRUE(*matcher.accept(c));
  EXPECT_FALSE(*matcher.accept('['));
  EXPECT_TRUE(*matcher.accept(*vocabulary.tokenizer->find("[CALL_ID]")));
}

TEST(ToolGrammar, WhatHasNoFormIsRefusedByName) {
  const auto refusal = [](const char* source, const char* tools, const char* only = "") {
    const ChatTemplate chat = ChatTemplate::parse(source).value();
    const Result<CallSpelling> spelling = call_spelling(chat, {"", "</s>"});
    if (!spelling) return spelling.error().message;
    const Vocabulary vocabulary(*spelling);
    return testing::refusal(grammar::tool_grammar(Json::parse(tools).value(), *spelling, *vocabulary.tokenizer,
                                                  {.choice = ToolChoice::kRequired, .only = only}));
  };
  EXPECT_NE(refusal("{{ messages }}", kTools).find("no form for calls"), std::string::npos);
  EXPECT_NE(refusal("<tool_call>{{ messages[0].content }}", kTools).find("renders none"), std::string::npos);
  EXPECT_NE(refusal(kTemplates[0], kTools, "gone").find("none is called gone"), std::string::npos);
  EXPECT_NE(refusal(kTemplates[0], "[]").find("there are none"), std::string::npos);
  EXPECT_NE(refusal(kTemplates[0], R"([{"function":{"name":"a b"}}])").find("letters"), std::string::npos);
  const std::string pointer =
      refusal(kTemplates[0], R"([{"function":{"name":"f","parameters":{"properties":{"a":{"uniqueItems":true}}}}}])");
  EXPECT_NE(pointer.find("tool f"), std::string::npos) << pointer;
  EXPECT_NE(pointer.find("/properties/a/uniqueItems"), std::string::npos) << pointer;
  EXPECT_NE(refusal(kTemplates[3], R"([{"function":{"name":"f","parameters":{"anyOf":[{}]}}}])").find("/anyOf"),
            std::string::npos);
}

TEST(ToolGrammar, TemplatesOfModelsSpellCalls) {
  const char* folder = std::getenv("PUMICE_TEST_CHAT_TEMPLATES");
  if (!folder) GTEST_SKIP() << "PUMICE_TEST_CHAT_TEMPLATES names no folder";
  std::mt19937 random(6);
  size_t known = 0;
  Tally tally;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".jinja") continue;
    const ChatTemplate chat = ChatTemplate::parse(read_text(entry.path())).value();
    const nlohmann::json golden =
        nlohmann::json::parse(read_text(fs::path(folder) / "golden" / (entry.path().stem().string() + ".json")));
    const std::string bos = golden.value("bos_token", ""), eos = golden.value("eos_token", "");
    const Result<CallSpelling> spelling = call_spelling(chat, {bos, eos});
    SCOPED_TRACE(entry.path().stem().string());
    if (!spelling) {
      std::printf("%s: %s\n", entry.path().stem().c_str(), spelling.error().message.c_str());
      continue;
    }
    ++known;
    expect_valid(chat, eos, *spelling, 10, random, &tally);
  }
  std::printf("%zu templates, %zu replies, %zu with several calls, %zu cut\n", known, tally.ended, tally.several,
              tally.cut);
  EXPECT_GT(known, 0u);
}

}  // namespace pumice::test::tool_grammar_test
