// Whole chats in the window with the bundled model, by the names that screen readers say.
#include "chat_app/window_support.h"

namespace pumice::test::chat_window {

TEST_F(Window, AWholeChatComesBackAsItWasLeft) {
  shot(window_.get(), QStringLiteral("first_start"));
  limit(24);
  say(QStringLiteral("Once upon a time there was a fox who"));
  shot(window_.get(), QStringLiteral("one_reply"));
  EXPECT_EQ(last().role, Role::kAssistant);
  EXPECT_FALSE(last().content.empty());
  EXPECT_EQ(last().figures.tokens, 24u);
  EXPECT_TRUE(nameless(window_.get()).isEmpty()) << s(nameless(window_.get()).join(QLatin1Char('\n')));
}

}  // namespace pumice::test::chat_window
