// Trees of messages, pieces of Markdown, exchange with other programs.
#include <gtest/gtest.h>

#include <utility>

#include "chat/core/chat_tree.h"
#include "chat/core/exchange.h"
#include "chat/core/held_messages.h"
#include "chat/core/segments.h"
#include "chat/window/palette_dialog.h"

namespace pumice::test::chat_parts {

using namespace pumice_chat;

Message at(Id id, Id parent, bool active = true) {
  Message message;
  message.id = id;
  message.parent = parent;
  message.active = active;
  message.content = std::to_string(id);
  return message;
}

TEST(ChatTree, BranchesAreSwitchedAndDeleted) {
  ChatTree tree({at(1, 0), at(2, 1, false), at(3, 1), at(4, 2), at(5, 3)});
  EXPECT_EQ(tree.path(), (std::vector<Id>{1, 3, 5}));
  EXPECT_TRUE(tree.activate(2));
  EXPECT_EQ(tree.path(), (std::vector<Id>{1, 2, 4}));
  tree.add(at(6, 1));
  EXPECT_EQ(tree.path(), (std::vector<Id>{1, 6}));
  EXPECT_EQ(tree.siblings(6), (std::vector<Id>{2, 3, 6}));
  EXPECT_EQ(tree.remove(6), 3);
  EXPECT_EQ(tree.path(), (std::vector<Id>{1, 3, 5}));
  EXPECT_EQ(tree.remove(2), 0) << "it was not shown";
  EXPECT_EQ(tree.size(), 3u);
  EXPECT_EQ(tree.remove(1), 0);
  EXPECT_TRUE(tree.empty());
}

TEST(ChatTree, ADamagedFilesMessagesAreAllReached) {
  // A parent that is gone, one that comes later, several or none that are shown.
  ChatTree tree({at(5, 4), at(3, 9), at(2, 1, false), at(1, 2, false)});
  std::vector<Id> roots = tree.children(0);
  EXPECT_EQ(roots, (std::vector<Id>{1, 3, 5}));
  EXPECT_EQ(tree.path_to(2), (std::vector<Id>{1, 2}));
  EXPECT_FALSE(tree.path().empty());
}

const char* const kText =
    "# Title\n\nSome *text*\nwith lines.\n\n```cpp\nint x; // ```\n\n  y();\n```\nAfter.\n\n- a\n- b\n\n| a | b "
    "|\n|---|---|\n"
    "| 1 | 2 |\n\n~~~\nplain\n~~~\n`inline` at the start\n```unclosed\nlast";

std::string shape(const std::vector<Segment>& all) {
  std::string text;
  for (const Segment& segment : all)
    text += (segment.kind == Segment::Kind::kCode ? "[" + segment.language + "]" : "[]") + segment.text + "\x1f";
  return text;
}

TEST(Segments, AreTheSameHoweverTheTextComes) {
  const std::string whole = shape(segments_of(kText));
  EXPECT_EQ(whole,
            "[]# Title\n\nSome *text*\nwith lines.\n\n\x1f[cpp]int x; // ```\n\n  y();\n\x1f[]After.\n\n- a\n- b\n\n"
            "| a | b |\n|---|---|\n| 1 | 2 |\n\n\x1f[]plain\n\x1f[]`inline` at the start\n\x1f[unclosed]last\x1f");
  const std::string text = kText;
  for (std::size_t step = 1; step < 9; ++step) {
    Segments segments;
    for (std::size_t i = 0; i < text.size(); i += step) segments.push(std::string_view(text).substr(i, step));
    segments.finish();
    EXPECT_EQ(shape(segments.all()), whole) << step;
  }
}

TEST(Segments, OnlyTheLastOneChanges) {
  Segments segments;
  std::string before;
  std::size_t longest = 0, bytes = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string word = i % 97 == 96 ? "\n\n" : "word" + std::to_string(i) + " ";
    bytes += word.size();
    const std::size_t count = segments.all().size();
    const std::size_t first = segments.push(word);
    EXPECT_GE(first + 1, count);
    longest = std::max(longest, segments.all().back().text.size());
  }
  segments.finish();
  EXPECT_LT(longest, 7000u);
  std::size_t total = 0;
  for (const Segment& segment : segments.all()) total += segment.text.size();
  EXPECT_NEAR(static_cast<double>(total), static_cast<double>(bytes), 100.0);
}

TEST(Segments, ALineWithoutAnEndIsCutBetweenCharacters) {
  Segments segments;
  for (int i = 0; i < 10'000; ++i) segments.push("狐");
  segments.finish();
  ASSERT_GT(segments.all().size(), 3u);
  for (const Segment& segment : segments.all()) EXPECT_EQ(segment.text.size() % 3, 0u);
}

TEST(Exchange, ATerminalsChatComesInWithItsBranches) {
  const auto made =
      from_exchange(R"({"format":"pumice-chat-1","current":0,"branches":[[{"role":"system","content":"Be brief."},)"
                    R"({"role":"user","content":"q"},{"role":"assistant","content":"a"}],)"
                    R"([{"role":"user","content":"q"},{"role":"assistant","content":"b"}]]})");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->chat.settings.system, "Be brief.");
  const ChatTree tree(made->messages);
  EXPECT_EQ(tree.size(), 3u);
  ASSERT_EQ(tree.path().size(), 2u);
  EXPECT_EQ(tree.find(tree.path()[1])->content, "a");
  for (const char* wrong :
       {"", "[]", "{}", R"({"format":"pumice-chat-tree-1"})", R"({"format":"pumice-chat-tree-1","messages":[1]})",
        R"({"format":"pumice-chat-tree-1","messages":[{"id":-1}]})"})
    EXPECT_FALSE(from_exchange(wrong)) << wrong;
}

TEST(HeldMessages, LieWhereTheirTextsAre) {
  const std::vector<std::string> tokens = {"",   "Be", " brief", "",    "Hel", "lo",   "",
                                           "Hi", "!",  "",       "Hel", "lo ", "again"};
  std::vector<HeldMessage> messages = {{.role = Role::kSystem, .text = "Be brief\n"},
                                       {.message = 1, .text = "Hello"},
                                       {.message = 2, .role = Role::kAssistant, .text = "Hi!"},
                                       {.message = 3, .text = "changed by the template"},
                                       {.message = 4, .text = "Hello again"}};
  place_messages(tokens, &messages);
  const auto range = [&](std::size_t i) { return std::pair(messages[i].first, messages[i].end); };
  EXPECT_EQ(range(0), std::pair(1u, 3u));
  EXPECT_EQ(range(1), std::pair(4u, 6u));
  EXPECT_EQ(range(2), std::pair(7u, 9u));
  EXPECT_EQ(range(3), std::pair(0u, 0u));
  EXPECT_EQ(range(4), std::pair(10u, 13u));
  const std::vector<std::uint32_t> pages = {70, 71, 72};
  EXPECT_EQ(pages_of(messages[0], pages, 4), (std::vector<std::uint32_t>{70}));
  EXPECT_EQ(pages_of(messages[2], pages, 4), (std::vector<std::uint32_t>{71, 72}));
  EXPECT_EQ(pages_of(messages[4], pages, 4), (std::vector<std::uint32_t>{72})) << "of its fourth page nothing is held";
  EXPECT_TRUE(pages_of(messages[3], pages, 4).empty());
  EXPECT_TRUE(pages_of(messages[0], {}, 4).empty());
}

TEST(Palette, LettersInTheirOrderFit) {
  EXPECT_TRUE(fits(QStringLiteral("Export as Markdown…"), QStringLiteral("exmd")));
  EXPECT_FALSE(fits(QStringLiteral("Export as Markdown…"), QStringLiteral("mdex")));
}

}  // namespace pumice::test::chat_parts
