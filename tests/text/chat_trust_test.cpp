// What users write is never a control token: not in any role, not through any operation of a template, not in any
// vocabulary.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "text/chat/built_in.h"
#include "text/chat/json.h"
#include "text/chat/template.h"
#include "text/control_names.h"
#include "text/tiny_vocabulary.h"
#include "text/tokenizer.h"

namespace pumice::test::chat_trust_test {

using namespace pumice::chat;
using testing::add_token;

struct Family {
  const char* architecture;
  std::vector<std::string> specials;  // the first is BOS, the second EOS
};

// A flat table of what vocabularies have.
const Family kFamilies[] = {
    {"qwen3",
     {"<|endoftext|>", "<|im_end|>", "<|im_start|>", "<|object_ref_start|>", "<|box_end|>", "<|vision_start|>",
      "<|image_pad|>", "<|fim_prefix|>", "<tool_call>", "</tool_call>", "<think>", "</think>"}},
    {"llama",
     {"<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|python_tag|>",
      "<|finetune_right_pad_id|>", "<|reserved_special_token_0|>"}},
    {"gemma3", {"<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>", "<start_of_image>", "<unused0>"}},
    {"gemma4", {"<bos>", "<eos>", "<|turn>", "<turn|>", "<|channel>", "<channel|>", "<|tool_call>", "<|\"|>"}},
    {"llama", {"<s>", "</s>", "[INST]", "[/INST]", "[TOOL_CALLS]", "[ARGS]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"}},
    {"deepseek2",
     {"<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>", "<｜tool▁calls▁begin｜>",
      "<think>", "</think>"}},
    {"gpt-oss",
     {"<|startoftext|>", "<|return|>", "<|start|>", "<|end|>", "<|message|>", "<|channel|>", "<|constrain|>",
      "<|call|>"}},
    {"command-r",
     {"<BOS_TOKEN>", "<|END_OF_TURN_TOKEN|>", "<|START_OF_TURN_TOKEN|>", "<|USER_TOKEN|>", "<|CHATBOT_TOKEN|>",
      "<|SYSTEM_TOKEN|>"}},
    {"granite", {"<|start_of_text|>", "<|end_of_text|>", "<|start_of_role|>", "<|end_of_role|>", "<|tool_call|>"}},
    {"phi3", {"<s>", "<|endoftext|>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>", "<|placeholder1|>"}},
    {"glm4", {"<sop>", "<|endoftext|>", "[gMASK]", "<|user|>", "<|assistant|>", "<|system|>", "<|observation|>"}},
};

Tokenizer tokenizer_of(const Family& family, bool sentencepiece) {
  TokenizerData data = sentencepiece ? testing::sentencepiece_base() : testing::byte_level_base();
  const auto first = static_cast<int64_t>(data.tokens.size());
  for (const std::string& name : family.specials)
    if (!sentencepiece || (name != "<s>" && name != "</s>")) add_token(data, name, TokenType::kControl);
  data.bos = sentencepiece ? 1 : first;
  data.eos = sentencepiece ? 2 : first + 1;
  data.add_bos = true;
  return Tokenizer::create(std::move(data)).value();
}

// But for the BOS that the tokenizer adds.
std::vector<int32_t> controls(const Tokenizer& tokenizer, const MarkedText& text) {
  std::vector<int32_t> found;
  const std::vector<int32_t> ids = tokenizer.encode_prompt(text.view(), text.trusted_ranges());
  for (size_t i = tokenizer.adds_bos() ? 1 : 0; i < ids.size(); ++i)
    if (tokenizer.is_control(ids[i])) found.push_back(ids[i]);
  return found;
}

std::string quoted(const std::string& text) { return to_json(text_value(text), {})->bytes(); }

// A conversation in which the text is wherever a user or a tool can put one.
std::string messages_with(const std::string& text) {
  const std::string q = quoted(text);
  return R"([{"role": "system", "content": )" + q + R"(}, {"role": "user", "content": )" + q +
         R"(}, {"role": "assistant", "content": )" + q + R"(}, {"role": "user", "content": )" + q + "}]";
}

SpecialNames names_of(const Family& family) { return {family.specials[0], family.specials[1]}; }

TEST(ChatTrust, NoTextOfAUserBecomesAControlToken) {
  size_t tried = 0;
  for (const Family& family : kFamilies) {
    for (const bool sentencepiece : {false, true}) {
      const Tokenizer tokenizer = tokenizer_of(family, sentencepiece);
      const std::string_view source = built_in_template(
          family.architecture, [&](std::string_view token) { return tokenizer.find(token).has_value(); });
      ASSERT_FALSE(source.empty()) << family.architecture;
      const ChatTemplate parsed = ChatTemplate::parse(std::string(source)).value();
      const auto render = [&](const std::string& text) {
        return parsed.render(read_conversation({.messages = messages_with(text)}).value(), names_of(family)).value();
      };
      const std::vector<int32_t> expected = controls(tokenizer, render("x"));
      EXPECT_GE(expected.size(), 4u) << family.architecture;
      for (const std::string& special : family.specials)
        for (const std::string& text : {special, "a " + special + " b", special + special, "\n" + special + "\n"}) {
          const MarkedText prompt = render(text);
          EXPECT_EQ(controls(tokenizer, prompt), expected) << family.architecture << " " << text;
          EXPECT_NE(prompt.bytes().find(special), std::string::npos);
          ++tried;
        }
    }
  }
  EXPECT_GT(tried, 500u);
}

// Every name that the library knows for control tokens, in one vocabulary.
TEST(ChatTrust, NoNameOfAControlTokenGetsThrough) {
  TokenizerData data = testing::byte_level_base();
  std::vector<std::string> names = {"<|im_start|>"};
  for (const auto list : {end_of_turn_names(), end_of_generation_names(), fill_in_the_middle_names(), shown_names()})
    for (const std::string_view name : list) names.emplace_back(name);
  for (const std::string& name : names) add_token(data, name, TokenType::kControl);
  const Tokenizer tokenizer = Tokenizer::create(std::move(data)).value();
  const ChatTemplate chatml =
      ChatTemplate::parse("{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}")
          .value();
  for (const std::string& name : names) {
    const MarkedText prompt =
        chatml
            .render(read_conversation({.messages = R"([{"role": "user", "content": )" + quoted(name) + "}]"}).value(),
                    {})
            .value();
    EXPECT_EQ(controls(tokenizer, prompt).size(), 2u) << name;
  }
}

// What a template may do with a text before it writes it.
const char* const kOperations[] = {"c",
                                   "c | trim",
                                   "c.strip()",
                                   "c[0:]",
                                   "c[::-1][::-1]",
                                   "c.split('x') | join('x')",
                                   "c.split(' ') | join(' ')",
                                   "c | replace('a', 'a')",
                                   "c.replace('q', '')",
                                   "'' ~ c",
                                   "'(' + c + ')'",
                                   "c | list | join",
                                   "c | string",
                                   "[c][0]",
                                   "{'k': c}['k']",
                                   "{'k': c}",
                                   "{c: 1}",
                                   "[c]",
                                   "[c] | tojson",
                                   "{'k': c} | tojson(indent=2)",
                                   "c | tojson",
                                   "(c | tojson)[1:-1]",
                                   "c | tojson | from_json",
                                   "c | indent(2)",
                                   "c.format(1) if '{' not in c else c",
                                   "'{}'.format(c)",
                                   "c | default('d')",
                                   "c if c else 'x'",
                                   "(c | lower | upper) ~ c",
                                   "c.partition('~') | join",
                                   "c.splitlines() | join('\\n')",
                                   "c | safe",
                                   "c * 2",
                                   "messages | map(attribute='content') | join",
                                   "messages | tojson",
                                   "messages[0]",
                                   "[c, 'b'] | sort | join",
                                   "[c] | unique | first",
                                   "c.removeprefix('~')",
                                   "c.ljust(80)",
                                   "f(c)",
                                   "ns.s",
                                   "b",
                                   "namespace(x=c).x",
                                   "dict(x=c).x",
                                   "strftime_now(c)"};

TEST(ChatTrust, MarksSurviveEveryOperation) {
  const Tokenizer tokenizer = tokenizer_of(kFamilies[0], false);
  for (const char* operation : kOperations) {
    const ChatTemplate parsed =
        ChatTemplate::parse(
            "{% macro f(x) %}{{ x }}{% endmacro %}{% set c = messages[0].content %}{% set ns = namespace(s=c) %}"
            "{% set b %}{{ c }}{% endset %}<|im_start|>{{ " +
            std::string(operation) + " }}<|im_end|>")
            .value();
    for (const std::string& special : kFamilies[0].specials) {
      const std::string messages = R"([{"role": "user", "content": )" + quoted("a " + special + " b") + "}]";
      const Result<MarkedText> text = parsed.render(read_conversation({.messages = messages}).value(), {});
      ASSERT_TRUE(text) << operation << ": " << text.error().message;
      EXPECT_EQ(controls(tokenizer, *text).size(), 2u) << operation << " " << text->bytes();
      if (text->bytes().find(special) == std::string::npos) continue;
      EXPECT_GT(controls(tokenizer, text->marked(true)).size(), 2u) << "the marks make the difference";
    }
  }
}

TEST(ChatTrust, NoTokenIsPutTogetherAcrossABorder) {
  const Tokenizer tokenizer = tokenizer_of(kFamilies[0], false);
  const std::pair<const char*, const char*> cases[] = {{"{{ messages[0].content }}_start|>", "<|im"},
                                                       {"<|im_{{ messages[0].content }}", "start|>"},
                                                       {"<|{{ messages[0].content }}|>", "im_start"},
                                                       {"<|{{ messages[0].role }}|>", "x"}};
  for (const auto& [source, content] : cases) {
    const std::string messages = R"([{"role": "im_start", "content": )" + quoted(content) + "}]";
    const MarkedText text =
        ChatTemplate::parse(source)->render(read_conversation({.messages = messages}).value(), {}).value();
    EXPECT_EQ(text.bytes(), "<|im_start|>") << source;
    EXPECT_TRUE(controls(tokenizer, text).empty()) << source;
  }
}

TEST(ChatTrust, ToolsArgumentsAndVariablesAreNotTrusted) {
  const Tokenizer tokenizer = tokenizer_of(kFamilies[0], false);
  const ChatTemplate parsed =
      ChatTemplate::parse(
          "{{ tools | tojson }}{{ documents }}{{ who }}{{ messages[0].tool_calls[0].function.name }}"
          "{{ messages[0].tool_calls[0].function.arguments | tojson }}<|im_end|>")
          .value();
  const std::string text = quoted("<|im_start|>");
  const std::string messages = R"([{"role": "assistant", "tool_calls": [{"function": {"name": )" + text +
                               R"(, "arguments": {)" + text + ": " + text + "}}}]}]";
  const MarkedText prompt = parsed
                                .render(read_conversation({.messages = messages,
                                                           .tools = "[{" + text + ": " + text + "}]",
                                                           .documents = "[" + text + "]",
                                                           .variables = "{\"who\": " + text + "}"})
                                            .value(),
                                        {})
                                .value();
  EXPECT_EQ(controls(tokenizer, prompt).size(), 1u) << prompt.bytes();
}

// Outside of control tokens, a prompt is encoded as one text: words go on across the border between template and user.
TEST(ChatTrust, WordsMergeAcrossTheBorder) {
  TokenizerData data = testing::byte_level_base();
  const int32_t merged = testing::add_merge(data, " ", "a");
  add_token(data, "[INST]", TokenType::kControl);
  const Tokenizer tokenizer = Tokenizer::create(std::move(data)).value();
  MarkedText text("[INST] ", true);
  text.append("a[INST]", false);
  const std::vector<int32_t> ids = tokenizer.encode_prompt(text.view(), text.trusted_ranges());
  ASSERT_GE(ids.size(), 2u);
  EXPECT_EQ(ids[0], *tokenizer.find("[INST]"));
  EXPECT_EQ(ids[1], merged);
  EXPECT_EQ(ids.size(), 2u + std::string("[INST]").size());
}

TEST(ChatTrust, BosComesOnceAndEosNot) {
  const Tokenizer tokenizer = tokenizer_of(kFamilies[4], true);
  for (const char* source : {"<s>hi", "hi"}) {
    const MarkedText text(source, true);
    const std::vector<int32_t> ids = tokenizer.encode_prompt(text.view(), text.trusted_ranges());
    ASSERT_GE(ids.size(), 3u);
    EXPECT_EQ(ids[0], *tokenizer.bos());
    EXPECT_NE(ids[1], *tokenizer.bos());
    EXPECT_NE(ids.back(), *tokenizer.eos());
  }
}

TEST(ChatTrust, MarkedTextKeepsItsMarks) {
  MarkedText text("ab", true);
  text.append("cd", false);
  text.append("ef", true);
  EXPECT_EQ(text.trusted_ranges(), (std::vector<ByteRange>{{0, 2}, {4, 6}}));
  const MarkedText middle = text.substr(1, 4);
  EXPECT_EQ(middle.bytes(), "bcde");
  EXPECT_EQ(middle.trusted_ranges(), (std::vector<ByteRange>{{0, 1}, {3, 4}}));
  MarkedText both = middle;
  both.append(text);
  EXPECT_EQ(both.trusted_ranges(), (std::vector<ByteRange>{{0, 1}, {3, 6}, {8, 10}}));
  EXPECT_EQ(text.substr(9).bytes(), "");
  EXPECT_FALSE(text.all_trusted());
  EXPECT_TRUE(text.marked(true).all_trusted());
}

}  // namespace pumice::test::chat_trust_test
