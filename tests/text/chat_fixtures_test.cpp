// Templates of real models against what transformers makes of them: PUMICE_TEST_CHAT_TEMPLATES names a folder with
// NAME.jinja, conversations.json and golden/NAME.json ({"bos_token", "eos_token", "results": {ID: {"text"} or
// {"error", "kind"}}}).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "text/chat/json.h"
#include "text/chat/python.h"
#include "text/chat/reply.h"
#include "text/chat/template.h"

namespace pumice::test::chat_fixtures_test {

namespace fs = std::filesystem;
using namespace pumice::chat;

std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

Value member(const Value& of, std::string_view key) {
  const Value* held = of.dict() ? of.dict()->find(key) : nullptr;
  return held ? *held : Value(None{});
}
std::string text_at(const Value& of, std::string_view key) {
  const Value held = member(of, key);
  return held.text() ? held.text()->bytes() : "";
}

struct Fixture {
  std::string name;
  ChatTemplate parsed;
  SpecialNames names;
  Value results;
};

class ChatFixtures : public testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("PUMICE_TEST_CHAT_TEMPLATES");
    if (!folder) GTEST_SKIP() << "PUMICE_TEST_CHAT_TEMPLATES names no folder";
    conversations_ =
        member(parse_json(read_text(fs::path(folder) / "conversations.json"), false).value(), "conversations");
    for (const auto& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() != ".jinja") continue;
      const std::string name = entry.path().stem().string();
      const Value golden = parse_json(read_text(fs::path(folder) / "golden" / (name + ".json")), false).value();
      Result<ChatTemplate> parsed = ChatTemplate::parse(read_text(entry.path()));
      ASSERT_TRUE(parsed) << name << ": " << parsed.error().message;
      fixtures_.push_back({name,
                           std::move(*parsed),
                           {text_at(golden, "bos_token"), text_at(golden, "eos_token")},
                           member(golden, "results")});
    }
    ASSERT_FALSE(fixtures_.empty());
  }

  Result<MarkedText> render(const Fixture& fixture, const Value& conversation, Values messages, bool prompt) const {
    PUMICE_ASSIGN(Value list, list_value(std::move(messages)));
    PUMICE_ASSIGN(Conversation made,
                  make_conversation(list, member(conversation, "tools"), member(conversation, "documents"),
                                    member(conversation, "kwargs")));
    made.add_generation_prompt = prompt;
    made.continue_final_message = truth(member(conversation, "continue_final_message"));
    made.now = 1773065107;
    return fixture.parsed.render(made, fixture.names);
  }

  void expect_reply(const Fixture& fixture, const Value& conversation, size_t turn);

  Value conversations_;
  std::vector<Fixture> fixtures_;
  size_t parsed_calls_ = 0;
};

TEST_F(ChatFixtures, RenderAsTransformersDoes) {
  size_t equal = 0, raised = 0;
  for (const Fixture& fixture : fixtures_) {
    for (const Value& conversation : *conversations_.items()) {
      const std::string where = fixture.name + ", " + text_at(conversation, "id");
      const Value expected = member(fixture.results, text_at(conversation, "id"));
      const Result<MarkedText> text = render(fixture, conversation, *member(conversation, "messages").items(),
                                             truth(member(conversation, "add_generation_prompt")));
      if (!member(expected, "text").is_none()) {
        ASSERT_TRUE(text) << where << ": " << text.error().message;
        EXPECT_EQ(text->bytes(), text_at(expected, "text")) << where;
        ++equal;
      } else if (text_at(expected, "kind") == "raise_exception") {
        ASSERT_FALSE(text) << where;
        EXPECT_EQ(text.error().message, text_at(expected, "error")) << where;
        ++raised;
      }
    }
  }
  RecordProperty("equal", std::to_string(equal));
  RecordProperty("raised", std::to_string(raised));
  EXPECT_GT(equal, fixtures_.size());
}

// Where the assistant's turn begins in the text: behind what both have, but not inside of a mark.
size_t turn_begin(const std::string& prompt, const std::string& whole) {
  const auto differ = std::mismatch(prompt.begin(), prompt.end(), whole.begin(), whole.end());
  const auto at = static_cast<size_t>(differ.second - whole.begin());
  const size_t open = at > 0 ? whole.rfind('<', at - 1) : std::string::npos;
  const size_t close = open == std::string::npos ? open : whole.find('>', open);
  return close != std::string::npos && close >= at && close - open < 40 && at < prompt.size() ? open : at;
}

ReplyMessage message_of(const Fixture& fixture, std::string_view prompt, std::string_view reply, const Value& tools,
                        size_t step) {
  ReplyParser parser(marks_of(fixture.parsed.source(), fixture.names.eos), prompt, tools);
  for (size_t at = 0; at < reply.size(); at += step) parser.push(reply.substr(at, step));
  parser.finish();
  return parser.message();
}

// What of a message the reply does not give back; empty where that is nothing.
std::string missing(const Value& message, const ReplyMessage& got, const std::string& reply, bool reasons) {
  const Values& calls = *member(message, "tool_calls").items();
  if (got.calls.size() != calls.size()) return "calls";
  for (size_t i = 0; i < calls.size(); ++i) {
    const Value function = member(calls[i], "function");
    Value arguments = member(function, "arguments");
    if (arguments.text()) arguments = parse_json(arguments.text()->view(), false).value();
    // Some templates leave out members that are null.
    const bool drops = compact_json(arguments).find("null") != std::string::npos &&
                       reply.find("null") == std::string::npos && reply.find("None") == std::string::npos;
    uint64_t work = 0;
    if (got.calls[i].name != text_at(function, "name")) return "name";
    if (!drops && !equal(got.calls[i].arguments, arguments, work)) return "arguments";
  }
  const auto lacks = [&](const char* key, const std::string& part) {
    const std::string text = text_at(message, key);
    return !text.empty() && reply.find(text) != std::string::npos && part != text;
  };
  if (lacks("content", got.content)) return "content";
  return reasons && lacks("reasoning_content", got.reasoning) ? "reasoning" : "";
}

// A rendered turn with calls gives the calls back.
void ChatFixtures::expect_reply(const Fixture& fixture, const Value& conversation, size_t turn) {
  const Values& messages = *member(conversation, "messages").items();
  const auto place = [&](size_t i) { return messages.begin() + static_cast<ptrdiff_t>(i); };
  const Result<MarkedText> prompt = render(fixture, conversation, Values(place(0), place(turn)), true);
  const Result<MarkedText> whole = render(fixture, conversation, Values(place(0), place(turn + 1)), false);
  if (!prompt || !whole) return;
  const size_t begin = turn_begin(prompt->bytes(), whole->bytes());
  const std::string reply = whole->bytes().substr(begin), before = prompt->bytes().substr(0, begin);
  for (const Value& call : *member(messages[turn], "tool_calls").items())
    if (reply.find(text_at(member(call, "function"), "name")) == std::string::npos) return;  // not rendered
  bool reasons = false;
  for (const Mark& mark : marks_of(fixture.parsed.source(), fixture.names.eos))
    reasons = reasons || (mark.kind == MarkKind::kReasoning && (before + reply).find(mark.text) != std::string::npos);
  for (const size_t step : {reply.size(), size_t{1}}) {
    const auto lacking = [&](std::string_view from) {
      return missing(messages[turn], message_of(fixture, from, reply, member(conversation, "tools"), step), reply,
                     reasons);
    };
    // Turns of the past may leave out the reasoning that a prompt begins.
    const std::string lacks = lacking(before);
    EXPECT_TRUE(lacks.empty() || lacking("").empty())
        << fixture.name << ", " << text_at(conversation, "id") << ": " << lacks << "\n"
        << reply;
  }
  ++parsed_calls_;
}

TEST_F(ChatFixtures, RenderedCallsComeBack) {
  size_t with_calls = 0;
  for (const Fixture& fixture : fixtures_) {
    parsed_calls_ = 0;
    for (const Value& conversation : *conversations_.items()) {
      const Values& messages = *member(conversation, "messages").items();
      for (size_t turn = 1; turn < messages.size(); ++turn)
        if (member(messages[turn], "tool_calls").items()) expect_reply(fixture, conversation, turn);
    }
    with_calls += parsed_calls_ > 0 ? 1 : 0;
  }
  RecordProperty("templates_with_calls", std::to_string(with_calls));
  EXPECT_GT(with_calls, 0u);
}

}  // namespace pumice::test::chat_fixtures_test
