// Conversations: nothing that was said is lost, and files of them are as hostile as any.
#include "common/conversation.h"

#include <gtest/gtest.h>

#include "common/system.h"
#include "support/temporary_folder.h"

namespace pumice::test::conversation_test {

using pumice_apps::Conversation;
using Json = Conversation::Json;

Conversation talk(int turns) {
  Conversation conversation;
  conversation.set_system("Be brief.");
  for (int i = 1; i <= turns; ++i) {
    conversation.add({{"role", "user"}, {"content", "q" + std::to_string(i)}});
    conversation.add({{"role", "assistant"}, {"content", "a" + std::to_string(i)}});
  }
  return conversation;
}

std::string said(const Conversation& conversation) {
  std::string all;
  for (const Json& message : conversation.messages()) all += pumice_apps::text_of(message) + " ";
  return all;
}

TEST(Conversation, WhatIsTakenBackStaysOnABranch) {
  Conversation conversation = talk(3);
  ASSERT_TRUE(conversation.take_back_reply());
  EXPECT_EQ(said(conversation), "Be brief. q1 a1 q2 a2 q3 ");
  EXPECT_TRUE(conversation.waits_for_reply());
  ASSERT_TRUE(conversation.edit(2, "other"));
  EXPECT_EQ(said(conversation), "Be brief. q1 a1 other ");
  conversation.add({{"role", "assistant"}, {"content", "b"}});
  ASSERT_TRUE(conversation.start_branch(1));
  EXPECT_EQ(said(conversation), "Be brief. q1 a1 ");
  EXPECT_EQ(conversation.branches(), 4u);
  ASSERT_TRUE(conversation.switch_to(0));
  EXPECT_EQ(said(conversation), said(talk(3)));
  EXPECT_FALSE(conversation.switch_to(4));
  EXPECT_FALSE(conversation.edit(4, "x"));
  EXPECT_FALSE(conversation.edit(0, "x"));
  EXPECT_FALSE(conversation.start_branch(9));
  EXPECT_FALSE(Conversation().take_back_reply());
}

TEST(Conversation, TheSystemsMessageIsSetAndTakenAway) {
  Conversation conversation = talk(1);
  EXPECT_EQ(conversation.system(), "Be brief.");
  conversation.set_system("Be long.");
  EXPECT_EQ(said(conversation), "Be long. q1 a1 ");
  conversation.set_system("");
  EXPECT_EQ(said(conversation), "q1 a1 ");
  EXPECT_EQ(conversation.turns(), 1u);
}

TEST(Conversation, FilesComeBackAndWrongOnesAreRefused) {
  Conversation conversation = talk(2);
  conversation.take_back_reply();
  conversation.set_kv_digest("abc");
  const auto read = Conversation::parse(conversation.json());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->json(), conversation.json());
  EXPECT_EQ(read->current(), 1u);
  EXPECT_EQ(read->kv_digest(), "abc");
  for (const char* wrong :
       {"", "[]", "{}", R"({"format":"pumice-chat-1"})", R"({"format":"pumice-chat-1","branches":[]})",
        R"({"format":"pumice-chat-1","branches":[{}]})", R"({"format":"pumice-chat-1","branches":[["x"]]})",
        R"({"format":"pumice-chat-1","branches":[[{"role":1}]]})", R"({"format":"other","branches":[[]]})"})
    EXPECT_FALSE(Conversation::parse(wrong)) << wrong;
  const auto odd = Conversation::parse(
      R"({"format":"pumice-chat-1","current":99,"branches":[[{"role":"system","content":[1]},{"role":"user"}]]})");
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->system(), "");
  EXPECT_EQ(said(*odd), "  ");
}

TEST(Conversation, AFileIsWrittenWholeOrNotAtAll) {
  const TemporaryFolder folder;
  const std::string path = folder.file("chat.json");
  ASSERT_EQ(pumice_apps::write_durably(path, "first"), 0);
  std::filesystem::create_symlink(path, folder.file("link"));
  ASSERT_EQ(pumice_apps::write_durably(folder.file("link"), "second"), 0);
  EXPECT_TRUE(std::filesystem::is_symlink(folder.file("link")));
  const std::vector<char> bytes = read_file_bytes(path);
  EXPECT_EQ(std::string(bytes.begin(), bytes.end()), "second");
  EXPECT_NE(pumice_apps::write_durably(folder.file("none/chat.json"), "x"), 0);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.file("")), {}), 2) << "nothing else is left";
}

}  // namespace pumice::test::conversation_test
