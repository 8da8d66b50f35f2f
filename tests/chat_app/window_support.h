// The window in a test: its own folder, and its parts by the names that screen readers say.
#pragma once

#include <gtest/gtest.h>

#include <QAccessible>
#include <QApplication>
#include <QElapsedTimer>
#include <QLineEdit>
#include <QSettings>
#include <QTest>
#include <QTreeWidget>
#include <functional>
#include <memory>
#include <string>

#include "chat/window/chat_list.h"
#include "chat/window/chat_page.h"
#include "chat/window/composer.h"
#include "chat/window/main_window.h"
#include "chat/window/message_list.h"
#include "chat/window/ui.h"
#include "support/temporary_folder.h"
#include "test_paths.h"

namespace pumice::test::chat_window {

using namespace pumice_chat;

// A folder for pictures of the window; empty: none are taken.
QString& shots_folder();
// To converse with; empty: the bundled one.
QString& model_file();
void shot(QWidget* widget, const QString& name);

// True once it holds; false after so many seconds.
inline bool soon(const std::function<bool()>& holds, int seconds = 60) {
  QElapsedTimer timer;
  timer.start();
  while (!holds()) {
    if (timer.elapsed() > 1000LL * seconds) return false;
    QTest::qWait(10);
  }
  return true;
}

// Below `root`, the first visible one with this name; role NoRole: any. Null: there is none.
QAccessibleInterface* by_name(QAccessibleInterface* root, const QString& name,
                              QAccessible::Role role = QAccessible::NoRole);
bool press(QWidget* window, const QString& name);
bool type(QWidget* window, const QString& name, const QString& text);
// Interactive parts without a name or a role, as "Class (parents)".
QStringList nameless(QWidget* window);

class Window : public testing::Test {
 protected:
  void SetUp() override {
    QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, q(folder_.file("settings")));
    QSettings().clear();
    start();
  }
  void start() {
    if (options_.database.isEmpty()) options_.database = q(folder_.file("chats.db"));
    options_.model = model_file();
    if (options_.model.isEmpty()) options_.model = q(std::string(PUMICE_MODELS_DIR) + "/storyteller-5m-Q4_K_M.gguf");
    window_ = std::make_unique<MainWindow>(options_);
    window_->resize(1080, 720);
    window_->show();
    ASSERT_TRUE(soon([&] { return controller().ready() && controller().open_chat() != 0; }));
    ASSERT_TRUE(soon([&] { return controller().model_state() != ModelState::kLoading; }, 300));
    if (controller().model_state() != ModelState::kLoaded) GTEST_SKIP() << controller().model_problem();
  }
  void stop() {
    window_->close();
    window_.reset();
    QCoreApplication::processEvents();
  }
  Controller& controller() { return window_->controller(); }
  std::vector<Id> path() { return controller().tree().path(); }
  const Message& last() { return *controller().tree().find(path().back()); }
  bool done() { return !controller().any_runs(controller().open_chat()); }
  // Every text of what is shown.
  std::vector<std::string> said();
  void limit(std::uint32_t tokens);
  // By the names alone, as a screen reader does it. Waits for the reply.
  void say(const QString& text, bool wait = true);

  TemporaryFolder folder_;
  WindowOptions options_;
  std::unique_ptr<MainWindow> window_;
};

}  // namespace pumice::test::chat_window
