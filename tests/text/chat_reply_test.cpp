// Replies come apart into content, reasoning and calls, whole and byte by byte.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "text/chat/json.h"
#include "text/chat/reply.h"
#include "text/unicode.h"

namespace pumice::test::chat_reply_test {

using namespace pumice::chat;

struct Case {
  const char *source, *prompt, *reply, *message;  // the message without {"role":"assistant", and the brace at its end
};

// A flat table. The source stands for a template that has the marks.
const Case kCases[] = {
    {"", "", "Plain text.", R"("content":"Plain text.")"},
    {"", "", " \n Blanks are left out. \n", R"("content":"Blanks are left out.")"},
    {"", "", "Done.<|im_end|>\n<|im_start|>user", R"("content":"Done.")"},
    {"", "", "The mark <tool_call> is text here.", R"("content":"The mark <tool_call> is text here.")"},
    {"<think>", "", "<think>\nHm.\n\nYes.\n</think>\n\nText.",
     R"("content":"Text.","reasoning_content":"Hm.\n\nYes.")"},
    {"<think>", "assistant\n<think>\n", "Hm.\n</think>\n\nText.", R"("content":"Text.","reasoning_content":"Hm.")"},
    {"<think>", "<think>\n\n</think>\n\n", "Text <think> more.", R"("content":"Text <think> more.")"},
    {"<think>", "", "<think>cut", R"("content":"","reasoning_content":"cut")"},
    {"<tool_call>", "",
     "A.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": [1, \"}\"]}}\n</tool_call>\n"
     "<tool_call>\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call><|im_end|>",
     R"("content":"A.","tool_calls":[{"type":"function","function":{"name":"f","arguments":{"a":[1,"}"]}}},)"
     R"({"type":"function","function":{"name":"g","arguments":{}}}])"},
    {"<tool_call>", "", "I use\n<tool_call> as a word.", R"("content":"I use\n<tool_call> as a word.")"},
    {"<tool_call>", "", "<tool_call>{\"name\": \"f\", \"argum", R"("content":"<tool_call>{\"name\": \"f\", \"argum")"},
    {"<parameter=", "",
     "<tool_call>\n<function=f>\n<parameter=s>\n3\n</parameter>\n<parameter=n>\n3\n</parameter>\n"
     "<parameter=o>\n{'a': True}\n</parameter>\n</function>\n</tool_call>",
     R"("content":"","tool_calls":[{"type":"function","function":{"name":"f","arguments":{"s":"3","n":3,"o":{"a":true}}}}])"},
    {"<arg_key>", "", "B<tool_call>f<arg_key>n</arg_key><arg_value>[1]</arg_value></tool_call>",
     R"("content":"B","tool_calls":[{"type":"function","function":{"name":"f","arguments":{"n":[1]}}}])"},
    {"<arg_key>", "", "<tool_call>f<arg_key>o</arg_key><arg_value>{\"a\": \"</arg_value>\"}</arg_value></tool_call>",
     R"("content":"","tool_calls":[{"type":"function","function":{"name":"f",)"
     R"("arguments":{"o":{"a":"</arg_value>"}}}}])"},
    {"<arg_key>", "", "<tool_call>f<arg_key>o</arg_key><arg_value>[not JSON</arg_value></tool_call>",
     R"("content":"","tool_calls":[{"type":"function","function":{"name":"f",)"
     R"("arguments":{"o":"[not JSON"}}}])"},
    {"<tool_call>", "", "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": [-1e999, 1e-999]}}</tool_call>",
     R"("content":"","tool_calls":[{"type":"function","function":{"name":"f",)"
     R"("arguments":{"a":[-1.7976931348623157e+308,0.0]}}}])"},
    {"｜DSML｜", "",
     "<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"x\" string=\"true\">1"
     "</｜DSML｜parameter>\n<｜DSML｜parameter name=\"y\" string=\"false\">1</｜DSML｜parameter>\n</｜DSML｜invoke>\n"
     "</｜DSML｜tool_calls>",
     R"("content":"","tool_calls":[{"type":"function","function":{"name":"f","arguments":{"x":"1","y":1}}}])"},
    {"[TOOL_CALLS]", "", "[TOOL_CALLS]f[CALL_ID]abc[ARGS]{\"a\": 1}[TOOL_CALLS]g[ARGS]{}</s>",
     R"("content":"","tool_calls":[{"id":"abc","type":"function","function":{"name":"f","arguments":{"a":1}}},)"
     R"({"type":"function","function":{"name":"g","arguments":{}}}])"},
    {"[TOOL_CALLS]", "", "[TOOL_CALLS][{\"name\": \"f\", \"arguments\": {}, \"id\": \"9\"}]</s>",
     R"("content":"","tool_calls":[{"id":"9","type":"function","function":{"name":"f","arguments":{}}}])"},
    {"<|tool_call_begin|>", "",
     "<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0"
     "<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>",
     R"("content":"","tool_calls":[{"id":"functions.f:0","type":"function","function":{"name":"f","arguments":{}}}])"},
    {"<|channel|>commentary", "<|start|>assistant",
     "<|channel|>analysis<|message|>r<|end|><|start|>assistant"
     "<|channel|>commentary to=functions.f <|constrain|>json<|message|>{\"a\":1}<|call|>",
     R"("content":"","reasoning_content":"r","tool_calls":[{"type":"function","function":{"name":"f","arguments":{"a":1}}}])"},
    {"<|channel|>commentary", "<|start|>assistant", "<|channel|>final<|message|>Text.<|return|>",
     R"("content":"Text.")"},
    {"<|tool_call_start|>", "", "<|tool_call_start|>[f(a='it\\'s', b=[1, None], c=-2), g()]<|tool_call_end|>",
     R"("content":"","tool_calls":[{"type":"function","function":{"name":"f","arguments":{"a":"it's","b":[1,null],"c":-2}}},)"
     R"({"type":"function","function":{"name":"g","arguments":{}}}])"},
    {"<|tool_call>", "", "<|tool_call>call:f{a:<|\"|>x, }<|\"|>,b:{c:[1,true]}}<tool_call|>",
     R"("content":"","tool_calls":[{"type":"function","function":{"name":"f","arguments":{"a":"x, }","b":{"c":[1,true]}}}}])"},
    {"'{\"name\": \"'", "", "{\"name\": \"f\", \"parameters\": {\"a\": 1}}<|eot_id|>",
     R"("content":"","tool_calls":[{"type":"function","function":{"name":"f","arguments":{"a":1}}}])"},
    {">>>all", "assistant>>>", "all\nText.>>>f\n{\"a\": 1}",
     R"("content":"Text.","tool_calls":[{"type":"function","function":{"name":"f","arguments":{"a":1}}}])"},
};

Value tools() {
  return parse_json(R"([{"type": "function", "function": {"name": "f", "parameters": {"properties":
      {"s": {"type": "string"}, "n": {"type": "integer"}}}}}])",
                    false)
      .value();
}

size_t invalid_bytes(std::string_view text) {
  size_t count = 0;
  while (!text.empty()) {
    const Utf8Unit unit = first_unit(text);
    count += unit.state == Utf8State::kValid ? 0 : unit.length;
    text.remove_prefix(unit.length);
  }
  return count;
}

TEST(ChatReply, ComesApartWholeAndByteByByte) {
  for (const Case& one : kCases) {
    const std::string expected = std::string(R"({"role":"assistant",)") + one.message + "}";
    ReplyParser whole(marks_of(one.source, "</s>"), one.prompt, tools());
    whole.push(one.reply);
    whole.finish();
    EXPECT_EQ(message_json(whole.message()), expected) << one.reply;
    ReplyParser bytes(marks_of(one.source, "</s>"), one.prompt, tools());
    for (const char c : std::string_view(one.reply)) bytes.push({&c, 1});
    bytes.finish();
    EXPECT_EQ(message_json(bytes.message()), expected) << one.reply;
  }
}

// What was given out stays, and all of it together is the message.
TEST(ChatReply, DeltasAddUp) {
  for (const Case& one : kCases) {
    ReplyParser parser(marks_of(one.source, "</s>"), one.prompt, tools());
    ReplySizes sizes;
    std::string content, reasoning;
    size_t calls = 0;
    const auto take = [&] {
      const std::string json = delta_json(parser.message(), sizes);
      if (json.empty()) return;
      const Value delta = parse_json(json, false).value();
      const auto text = [&](std::string_view key) {
        const Value* held = delta.dict()->find(key);
        return held ? held->text()->bytes() : std::string();
      };
      content += text("content");
      reasoning += text("reasoning_content");
      const Value* list = delta.dict()->find(std::string_view("tool_calls"));
      calls += list ? list->items()->size() : 0;
    };
    for (const char c : std::string_view(one.reply)) {
      parser.push({&c, 1});
      take();
    }
    parser.finish();
    take();
    EXPECT_EQ(content, parser.message().content);
    EXPECT_EQ(reasoning, parser.message().reasoning);
    EXPECT_EQ(calls, parser.message().calls.size());
  }
}

// A token may end inside of a character, and a model may write bytes that are none.
TEST(ChatReply, DeltasAreWholeCharacters) {
  const std::string text = "Où est la gare\u00a0? 🚉 — 東京";
  for (const std::string& end : {std::string(), std::string("\xf0\x9f"), std::string("\xff!")}) {
    ReplyParser parser(marks_of("<tool_call>", "</s>"), "", Value(None{}));
    ReplySizes sizes;
    std::string content;
    const auto take = [&] {
      const std::string json = delta_json(parser.message(), sizes);
      if (json.empty()) return;
      ASSERT_EQ(invalid_bytes(json), 0u) << json;
      content += parse_json(json, false).value().dict()->find(std::string_view("content"))->text()->bytes();
    };
    for (const char c : text + end) {
      parser.push({&c, 1});
      take();
    }
    parser.finish();
    take();
    EXPECT_EQ(content, text + (end.empty() ? "" : end == "\xff!" ? "\ufffd!" : "\ufffd"));
    EXPECT_EQ(invalid_bytes(message_json(parser.message())), 0u);
  }
}

TEST(ChatReply, ContentIsNotHeldBackLongerThanItMust) {
  ReplyParser parser(marks_of("<tool_call>", "</s>"), "", Value(None{}));
  parser.push("Hello <tool");
  EXPECT_EQ(parser.message().content, "Hello");
  parser.push("s> are");
  EXPECT_EQ(parser.message().content, "Hello <tools> are");
}

}  // namespace pumice::test::chat_reply_test
