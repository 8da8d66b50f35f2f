// Controller and engine without a window, with the bundled model.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "chat/core/database.h"
#include "chat_app/victim.h"
#include "support/slice.h"
#include "support/temporary_folder.h"
#include "test_paths.h"

namespace pumice::test::chat_engine {

using namespace pumice_chat;

class ChatEngine : public testing::Test {
 protected:
  void SetUp() override {
    controller_ = std::make_unique<Controller>(folder_.file("chats.db"), loop_.post(), &listener_);
    ASSERT_TRUE(loop_.run_until([&] { return controller_->ready(); }));
    load();
    controller_->new_chat();
  }
  void load() {
    controller_->load({.path = std::string(PUMICE_MODELS_DIR) + "/storyteller-5m-Q4_K_M.gguf",
                       .projector = {},
                       .device = {},
                       .context_tokens = 0});
    ASSERT_TRUE(loop_.run_until([&] { return controller_->model_state() != ModelState::kLoading; }));
    if (controller_->model_state() != ModelState::kLoaded) GTEST_SKIP() << controller_->model_problem();
  }
  void set(std::uint32_t tokens, const std::string& schema = {}) {
    ChatSettings settings = controller_->chat(controller_->open_chat())->settings;
    settings.max_tokens = tokens;
    settings.seed = 11;
    settings.schema = schema;
    controller_->set_settings(controller_->open_chat(), settings);
  }
  void send(const std::string& text) {
    const std::size_t before = controller_->tree().size();
    controller_->send(text);
    ASSERT_TRUE(loop_.run_until([&] { return controller_->tree().size() == before + 2; }));
  }
  bool done() {
    return loop_.run_until([&] { return !controller_->any_runs(controller_->open_chat()); });
  }
  const Message& last() { return *controller_->tree().find(controller_->tree().path().back()); }
  Plan plan(const std::string& text) {
    Plan plan;
    bool came = false;
    controller_->plan(text, 0, [&](const Plan& answer) {
      plan = answer;
      came = true;
    });
    EXPECT_TRUE(loop_.run_until([&] { return came; }));
    return plan;
  }
  CacheView view() {
    CacheView view;
    bool came = false;
    controller_->engine().view([&](const CacheView& answer) {
      view = answer;
      came = true;
    });
    EXPECT_TRUE(loop_.run_until([&] { return came; }));
    return view;
  }

  TemporaryFolder folder_;
  Loop loop_;
  QuietListener listener_;
  std::unique_ptr<Controller> controller_;
};

TEST_F(ChatEngine, GoingOnWithAnotherBranchComputesOnlyWhatIsNew) {
  set(60);
  send("Once upon a time there was a king who had three sons and a golden bird in his garden");
  ASSERT_TRUE(done());
  send("and the eldest");
  ASSERT_TRUE(done());
  const Id first = controller_->tree().path()[1];
  controller_->regenerate(first);
  ASSERT_TRUE(loop_.run_until([&] { return controller_->tree().size() == 5; }));
  ASSERT_TRUE(done());
  // Back to the long branch: what it holds is there, and nothing but the new words would be computed.
  controller_->switch_to(first);
  const Plan cost = plan("Then");
  ASSERT_TRUE(cost.known);
  EXPECT_GT(cost.prompt_tokens, 100u);
  EXPECT_LE(cost.prompt_tokens - cost.held_tokens, 4u);
  send("Then");
  ASSERT_TRUE(done());
  EXPECT_LE(last().figures.computed_tokens, 5u);
  EXPECT_GT(last().figures.held_tokens, 100u);
  const CacheView pages = view();
  EXPECT_GE(pages.held.size(), 2u);
  EXPECT_GT(pages.pages.size(), 3u);
  // Each branch knows where its messages lie, and all of its pages are on the map.
  for (const CacheView::Held& held : pages.held) {
    ASSERT_FALSE(held.messages.empty());
    for (const HeldMessage& message : held.messages) EXPECT_LT(message.first, message.end) << message.text;
    EXPECT_EQ(held.messages.back().end, held.tokens);
    for (const std::uint32_t page : held.pages)
      EXPECT_TRUE(std::any_of(pages.pages.begin(), pages.pages.end(), [&](const PumiceKvPage& one) {
        return one.page == page;
      })) << page;
  }
}

TEST_F(ChatEngine, TwoChatsAtOnceSayWhatTheySayOneAfterTheOther) {
  const std::string a = "Once upon a time there was a wolf", b = "In the deep sea there lived an old queen";
  std::vector<std::string> alone, together;
  for (const std::string& text : {a, b}) {
    controller_->new_chat();
    set(80);
    send(text);
    ASSERT_TRUE(done());
    alone.push_back(last().content);
  }
  controller_->engine().clear_cache();
  std::vector<Id> chats;
  for (const std::string& text : {a, b}) {
    controller_->new_chat();
    set(80);
    chats.push_back(controller_->open_chat());
    send(text);
  }
  for (const Id chat : chats) {
    controller_->open(chat);
    ASSERT_TRUE(loop_.run_until([&] { return controller_->open_chat() == chat; }));
    ASSERT_TRUE(done());
    together.push_back(last().content);
  }
  EXPECT_EQ(together, alone);
  EXPECT_GT(alone[0].size(), 100u);
}

TEST_F(ChatEngine, ASchemasReplyHasItsForm) {
  set(0,
      R"({"type":"object","properties":{"a":{"enum":["red","blue"]}},"required":["a"],"additionalProperties":false})");
  send("A colour:");
  ASSERT_TRUE(done());
  const Json reply = Json::parse(last().content, nullptr, false);
  ASSERT_TRUE(reply.is_object()) << last().content << last().problem;
  EXPECT_TRUE(reply["a"] == "red" || reply["a"] == "blue");
  set(10, R"({"type":"nonsense"})");
  send("Again:");
  ASSERT_TRUE(done());
  EXPECT_EQ(last().state, State::kFailed);
  EXPECT_FALSE(last().problem.empty());
}

TEST_F(ChatEngine, AModelIsChangedInAChat) {
  set(400);
  send("Once upon a time");
  ASSERT_TRUE(loop_.run_until([&] { return !last().content.empty(); }));
  load();  // while it replies
  EXPECT_EQ(last().state, State::kStopped);
  set(8);
  send("and then");
  ASSERT_TRUE(done());
  EXPECT_FALSE(last().content.empty());
  controller_->load({.path = folder_.file("no.gguf"), .projector = {}, .device = {}, .context_tokens = 0});
  send("What?");
  ASSERT_TRUE(done());
  EXPECT_EQ(last().state, State::kFailed);
  EXPECT_EQ(controller_->model_state(), ModelState::kFailed);
  EXPECT_FALSE(controller_->model_problem().empty());
}

TEST_F(ChatEngine, AReplyIsStoredWhileItComes) {
  set(400);
  send("Once upon a time there was a king");
  const auto stored = [&] {
    const Database file(folder_.file("chats.db"), Database::Mode::kRead);
    return file.number("SELECT max(length(content)) FROM messages WHERE state = 1");
  };
  std::int64_t most = 0;
  ASSERT_TRUE(loop_.run_until([&] {
    most = std::max(most, stored());
    return most > 0 || !controller_->any_runs(controller_->open_chat());
  }));
  EXPECT_GT(most, 0) << "it was stored at its end alone";
  controller_->stop_all();
  ASSERT_TRUE(done());
}

TEST_F(ChatEngine, AReplyEndsWithinFramesOfTheDevice) {
  set(4);
  controller_->engine().set_frame(20e3);
  send("There was once a poor woodcutter");
  ASSERT_TRUE(done());
  EXPECT_EQ(last().state, State::kLength);
  EXPECT_EQ(last().figures.tokens, 4u);
}

TEST_F(ChatEngine, AChatLongerThanTheContextGoesOn) {
  PUMICE_SLICE(0);
  set(100);
  for (int i = 0; i < 7; ++i) {
    send("And then, on the next morning, the king said to his daughter that");
    ASSERT_TRUE(done());
    ASSERT_NE(last().state, State::kFailed) << last().problem;
  }
  EXPECT_GT(last().figures.left_out, 0u);
  EXPECT_LE(last().figures.prompt_tokens, 512u);
  send(std::string(20'000, 'x'));
  ASSERT_TRUE(done());
  EXPECT_EQ(last().state, State::kFailed);
  EXPECT_NE(last().problem.find("longer than"), std::string::npos) << last().problem;
}

}  // namespace pumice::test::chat_engine
