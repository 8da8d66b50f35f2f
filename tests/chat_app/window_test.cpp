// Whole chats in the window with the bundled model, by the names that screen readers say.
#include <QAction>
#include <QClipboard>
#include <QComboBox>
#include <QDir>
#include <QFile>
#include <QLabel>
#include <QLocale>
#include <QTranslator>
#include <cstdio>

#include "chat/window/bench_page.h"
#include "chat/window/cache_map.h"
#include "chat/window/cache_page.h"
#include "chat/window/models_page.h"
#include "chat/window/palette_dialog.h"
#include "chat/window/segment_widgets.h"
#include "chat/window/theme.h"
#include "chat/window/translation.h"
#include "chat_app/long_run.h"
#include "chat_app/window_support.h"
#include "common/presets.h"
#include "support/slice.h"

namespace pumice::test::chat_window {

TEST_F(Window, AWholeChatComesBackAsItWasLeft) {
  PUMICE_SLICE(0);
  shot(window_.get(), QStringLiteral("first_start"));
  limit(24);
  say(QStringLiteral("Once upon a time there was a fox who"));
  EXPECT_EQ(last().role, Role::kAssistant);
  EXPECT_FALSE(last().content.empty());
  EXPECT_EQ(last().figures.tokens, 24u);
  EXPECT_EQ(last().state, State::kLength);
  say(QStringLiteral("The next day"));
  EXPECT_GT(last().figures.held_tokens, 20u) << "what the branch held was computed again";

  // Another reply beside it, and back.
  const Id first_reply = path()[3];
  ASSERT_TRUE(press(window_.get(), QStringLiteral("Another reply; the old one stays as a branch")));
  ASSERT_TRUE(soon([&] { return done() && path().size() == 2; }, 300));  // of the first message that has the button
  ASSERT_EQ(controller().tree().siblings(path()[1]).size(), 2u);
  shot(window_.get(), QStringLiteral("branches"));
  ASSERT_TRUE(press(window_.get(), QStringLiteral("Previous branch")));
  ASSERT_EQ(path().size(), 4u);
  EXPECT_EQ(path()[3], first_reply);

  // Another question in the place of the second one.
  window_->chat_page()->edit(path()[2]);
  window_->chat_page()->composer()->set_text(QStringLiteral("In the night"), {});
  ASSERT_TRUE(press(window_.get(), QStringLiteral("Send")));
  ASSERT_TRUE(soon([&] { return path().size() == 4 && path()[3] != first_reply && done(); }, 300));
  EXPECT_EQ(said()[2], "In the night");
  const std::vector<std::string> before = said();
  const Id chat = controller().open_chat();
  controller().rename(chat, "The fox");
  controller().set_pinned(chat, true);
  controller().set_folder(chat, "Tales");
  stop();
  start();
  EXPECT_EQ(controller().open_chat(), chat);
  EXPECT_EQ(said(), before);
  EXPECT_EQ(controller().tree().size(), 7u);
  EXPECT_EQ(controller().chat(chat)->title, "The fox");
  EXPECT_EQ(controller().chat(chat)->folder, "Tales");
  EXPECT_TRUE(controller().chat(chat)->pinned);
  EXPECT_EQ(controller().chat(chat)->settings.max_tokens, 24u);
  shot(window_.get(), QStringLiteral("docs"));
  window_->chat_page()->step_branch(path()[2], -1);
  EXPECT_EQ(path()[3], first_reply);
}

// With --model FILE of 4,000 tokens, where the model sees so many.
TEST_F(Window, ALongBranchIsShownAtOnceAndReadOnce) {
  PUMICE_SLICE(1);
  if (!model_file().isEmpty()) {
    controller().load({.path = s(model_file()), .projector = {}, .device = {}, .context_tokens = 8192});
    ASSERT_TRUE(soon([&] { return controller().model_state() == ModelState::kLoaded; }, 300));
  }
  limit(4);
  const std::uint32_t most = std::min(4000u, controller().model().window_tokens * 3 / 4);
  QString text;
  for (std::uint32_t i = 0; i < most; i += 6) text += QStringLiteral("the little fox went home and ");
  say(text, false);
  ASSERT_TRUE(soon([&] { return done(); }, 1800));
  const std::uint32_t prompt = last().figures.prompt_tokens;
  ASSERT_GT(prompt, most * 3 / 4);
  const Id long_one = path()[0];
  window_->chat_page()->edit(long_one);
  window_->chat_page()->composer()->set_text(QStringLiteral("A bird"), {});
  ASSERT_TRUE(press(window_.get(), QStringLiteral("Send")));
  ASSERT_TRUE(soon([&] { return path().size() == 2 && path()[0] != long_one && done(); }, 300));
  QElapsedTimer timer;
  timer.start();
  const double before = thread_cpu_ms();
  ASSERT_TRUE(press(window_.get(), QStringLiteral("Previous branch")));
  QCoreApplication::processEvents();
  window_->repaint();
  const qint64 shown = timer.elapsed();
  const double work = thread_cpu_ms() - before;
  ASSERT_EQ(path()[0], long_one);
  say(QStringLiteral("Then"));
  std::printf("a branch of %u tokens was shown after %lld ms (%.1f of the window's thread); %u tokens were computed\n",
              prompt, static_cast<long long>(shown), work, last().figures.computed_tokens);
  EXPECT_LE(last().figures.computed_tokens, 16u) << "the new question alone";
  EXPECT_GE(last().figures.held_tokens, prompt);
}

TEST_F(Window, MarkdownIsShownAndCodeIsCopied) {
  const char* const kReply =
      "## Heading\n\nSome *emphasis*, `code`, a [link](https://example.org) and <b>no HTML</b>.\n\n1. one\n2. two\n\n"
      "| a | b |\n|---|---|\n| 1 | 2 |\n\n```cpp\n// comment\nint main() { return \"x\"[0]; }\n```\n\n> quoted\n\n"
      "![picture](file:///etc/passwd) and $x_1 + y_2$.";
  Json chat = {{"format", "pumice-chat-tree-1"}, {"title", "Markdown"}};
  chat["messages"] = {
      {{"id", 1}, {"parent", 0}, {"role", "user"}, {"active", true}, {"content", "Show *all*\n  of it"}},
      {{"id", 2},
       {"parent", 1},
       {"role", "assistant"},
       {"active", true},
       {"reasoning", "Let me think.\nYes."},
       {"content", kReply}}};
  ASSERT_TRUE(controller().import(chat.dump()));
  ASSERT_TRUE(soon([&] { return path().size() == 2; }));
  QTest::qWait(100);
  ASSERT_TRUE(press(window_.get(), QStringLiteral("Show the reasoning")));
  shot(window_.get(), QStringLiteral("markdown"));
  const QList<CodePiece*> code = window_->findChildren<CodePiece*>();
  ASSERT_EQ(code.size(), 1);
  ASSERT_TRUE(press(window_.get(), QStringLiteral("Copy this code")));
  EXPECT_EQ(QGuiApplication::clipboard()->text(), QStringLiteral("// comment\nint main() { return \"x\"[0]; }\n"));
  bool literal = false;
  for (const TextPiece* piece : window_->findChildren<TextPiece*>())
    literal = literal || piece->toPlainText().contains(QStringLiteral("<b>no HTML</b>"));
  EXPECT_TRUE(literal) << "HTML of a text is not obeyed";
  EXPECT_TRUE(nameless(window_.get()).isEmpty()) << s(nameless(window_.get()).join(QLatin1Char('\n')));
}

TEST_F(Window, AReplyIsStoppedAndWhatCameStays) {
  say(QStringLiteral("There was once a king who had"), false);
  ASSERT_TRUE(soon([&] { return last().content.size() > 20; }));
  shot(window_.get(), QStringLiteral("streaming"));
  ASSERT_TRUE(press(window_.get(), QStringLiteral("Stop")));
  ASSERT_TRUE(soon([&] { return done(); }));
  EXPECT_EQ(last().state, State::kStopped);
  const std::vector<std::string> before = said();
  stop();
  start();
  EXPECT_EQ(said(), before);
}

TEST_F(Window, SearchFindsAndDeletingTakesAway) {
  limit(8);
  say(QStringLiteral("A quokka met a dragon"));
  controller().new_chat();
  limit(8);
  say(QStringLiteral("Es war einmal ein König, 从前有一只狐狸"));
  const Id second = controller().open_chat();
  std::vector<SearchHit> hits;
  const auto find = [&](const char* text) {
    bool came = false;
    controller().search(text, [&](std::vector<SearchHit> found) {
      hits = std::move(found);
      came = true;
    });
    return soon([&] { return came; }) ? hits.size() : 999;
  };
  EXPECT_GE(find("quokk"), 2u);  // title and message; a reply may take the word up
  EXPECT_GE(find("狐狸"), 2u);
  EXPECT_EQ(find("k\"nig OR 1"), 0u);
  window_->chat_list()->search()->setText(QStringLiteral("quokka"));
  const QTreeWidget* list = window_->chat_list()->tree();
  ASSERT_TRUE(soon([&] {
    return list->topLevelItemCount() >= 2 && list->topLevelItem(1)->text(0).contains(QStringLiteral("quokka"));
  }));
  shot(window_.get(), QStringLiteral("search"));
  window_->chat_list()->search()->clear();
  controller().remove_chat(second);
  EXPECT_EQ(find("狐狸"), 0u);
  EXPECT_EQ(controller().chats().size(), 1u);
}

TEST_F(Window, WhatIsExportedComesBack) {
  limit(8);
  say(QStringLiteral("Hansel and *Gretel*"));
  window_->chat_page()->regenerate(path()[1]);
  ASSERT_TRUE(soon([&] { return done(); }, 300));
  const Id chat = controller().open_chat();
  const std::string json = controller().as_json(chat), markdown = controller().as_markdown(chat);
  EXPECT_NE(markdown.find("## You\n\nHansel and *Gretel*\n"), std::string::npos) << markdown;
  EXPECT_FALSE(controller().import("{}"));
  ASSERT_TRUE(controller().import(json));
  ASSERT_TRUE(soon([&] { return controller().open_chat() != chat; }));
  EXPECT_EQ(controller().tree().size(), 3u);
  EXPECT_EQ(controller().as_markdown(controller().open_chat()), markdown);
}

TEST_F(Window, APresetOfAnyProgramIsHere) {
  qputenv("XDG_CONFIG_HOME", QByteArray::fromStdString(folder_.file("config")));
  pumice_apps::Preset preset{.name = "Fox", .system = "You are a fox."};
  preset.temperature = 0.25f;
  ASSERT_EQ(pumice_apps::save_preset(pumice_apps::preset_folder(), preset), 0);
  const auto settings = [&] { return controller().chat(controller().open_chat())->settings; };
  ASSERT_TRUE(settings().model_sampling);
  for (QAction* action : window_->all_actions())
    if (action->shortcut() == QKeySequence(QStringLiteral("Ctrl+,"))) action->trigger();
  QComboBox* box = nullptr;
  for (QComboBox* one : window_->findChildren<QComboBox*>())
    if (one->accessibleName() == QStringLiteral("Preset")) box = one;
  ASSERT_NE(box, nullptr);
  ASSERT_TRUE(soon([&] { return box->findText(QStringLiteral("Fox")) > 0; }));
  EXPECT_EQ(box->count(), 5) << "none, three that are built in, and this one";
  box->setCurrentIndex(box->findText(QStringLiteral("Fox")));
  Q_EMIT box->activated(box->currentIndex());
  ASSERT_TRUE(soon([&] { return !settings().model_sampling; }));
  EXPECT_EQ(settings().system, preset.system);
  EXPECT_EQ(settings().temperature, 0.25);
}

TEST_F(Window, EverythingHasANameForThoseWhoHearIt) {
  limit(12);
  say(QStringLiteral("Once upon a time"));
  for (int page = 0; page < 4; ++page) {
    window_->show_page(page);
    QTest::qWait(300);
    shot(window_.get(), QStringLiteral("page_%1").arg(page));
    EXPECT_TRUE(nameless(window_.get()).isEmpty()) << page << s(nameless(window_.get()).join(QLatin1Char('\n')));
  }
  window_->show_page(0);
  for (QAction* action : window_->all_actions())
    if (action->shortcut() == QKeySequence(QStringLiteral("Ctrl+,"))) action->trigger();
  QTest::qWait(100);
  shot(window_.get(), QStringLiteral("settings"));
  EXPECT_TRUE(nameless(window_.get()).isEmpty()) << s(nameless(window_.get()).join(QLatin1Char('\n')));
  for (const QAction* action : window_->all_actions()) EXPECT_FALSE(action->shortcut().isEmpty()) << s(action->text());
  window_->theme()->choose(Theme::Choice::kDark);
  shot(window_.get(), QStringLiteral("dark"));
  PaletteDialog palette(window_.get(), window_->all_actions(), controller().chats());
  palette.show();
  shot(&palette, QStringLiteral("palette"));
  EXPECT_TRUE(nameless(&palette).isEmpty()) << s(nameless(&palette).join(QLatin1Char('\n')));
  window_->theme()->choose(Theme::Choice::kSystem);
}

TEST_F(Window, SaysWhatToDoWhereNothingCanBeKept) {
  stop();
  options_.database = QStringLiteral("/proc/nowhere/chats.db");
  start();
  limit(6);
  say(QStringLiteral("Once upon a time"));
  EXPECT_FALSE(last().content.empty());
  QAccessibleInterface* notice =
      by_name(QAccessible::queryAccessibleInterface(window_.get()), MainWindow::tr("Notice"));
  ASSERT_TRUE(notice);
  const QString text = static_cast<QLabel*>(notice->object())->text();
  EXPECT_TRUE(text.contains(QStringLiteral("/proc/nowhere/chats.db"))) << s(text);
  EXPECT_TRUE(text.contains(QStringLiteral("--data"))) << s(text);
  shot(window_.get(), QStringLiteral("read_only"));
}

TEST_F(Window, SaysWhereADamagedFileLies) {
  limit(6);
  say(QStringLiteral("Once upon a time"));
  stop();
  for (const char* ending : {"-wal", "-shm"}) QFile::remove(options_.database + QString::fromLatin1(ending));
  QFile file(options_.database);
  ASSERT_TRUE(file.open(QIODevice::ReadWrite));
  file.write(QByteArray(512, 'x'));
  file.close();
  start();
  QAccessibleInterface* notice =
      by_name(QAccessible::queryAccessibleInterface(window_.get()), MainWindow::tr("Notice"));
  ASSERT_TRUE(notice);
  EXPECT_TRUE(static_cast<QLabel*>(notice->object())->text().contains(QStringLiteral("chats.db.damaged-1")));
  EXPECT_TRUE(QFile::exists(options_.database + QStringLiteral(".damaged-1")));
  limit(6);
  say(QStringLiteral("And again"));
  EXPECT_FALSE(last().content.empty());
}

TEST_F(Window, AFileGoesWithAMessage) {
  limit(6);
  QFile file(q(folder_.file("notes.txt")));
  ASSERT_TRUE(file.open(QIODevice::WriteOnly));
  file.write("The king is dead.");
  file.close();
  window_->chat_page()->composer()->attach({file.fileName(), QStringLiteral("/no/such.txt")});
  ASSERT_TRUE(soon([&] {
    return by_name(QAccessible::queryAccessibleInterface(window_.get()),
                   Composer::tr("Take %1 away").arg(QStringLiteral("notes.txt")));
  }));
  say(QStringLiteral("What now?"));
  const Message& question = *controller().tree().find(path()[0]);
  ASSERT_EQ(question.attachments.size(), 1u);
  EXPECT_EQ(question.attachments[0].text, "The king is dead.");
  EXPECT_GT(last().figures.prompt_tokens, 8u);
}

TEST_F(Window, MeasuresWithAProgramOfItsOwn) {
  if (!long_run()) GTEST_SKIP() << "takes a minute; --long";
  window_->show_page(3);
  ASSERT_TRUE(press(window_.get(), QStringLiteral("Measure")));
  ASSERT_TRUE(soon([&] { return window_->bench_page()->running(); }));
  ASSERT_TRUE(soon([&] { return !window_->bench_page()->running(); }, 600));
  ASSERT_EQ(window_->bench_page()->results()->topLevelItemCount(), 1);
  EXPECT_EQ(window_->bench_page()->results()->topLevelItem(0)->childCount(), 2);
  EXPECT_EQ(window_->bench_page()->results()->topLevelItem(0)->text(5), QStringLiteral("verified"));
  shot(window_.get(), QStringLiteral("measured"));
}

// Each translation has all texts, and the window is built in it.
TEST_F(Window, SpeaksTheLanguagesThatItHas) {
  PUMICE_SLICE(3);
  stop();
  for (const char* name : {"de", "zh_CN", "ar", "en"}) {
    const QLocale locale(QString::fromLatin1(name));
    QObject owner;
    const QList<QTranslator*> installed = install_translation(&owner, locale);
    ASSERT_FALSE(installed.isEmpty()) << name << ": built without Qt's translation tools?";
    start();
    limit(10);
    say(QStringLiteral("Once upon a time"));
    if (locale.language() != QLocale::English) {
      EXPECT_NE(MainWindow::tr("Settings of the chat"), QStringLiteral("Settings of the chat")) << name;
    }
    EXPECT_EQ(QApplication::layoutDirection(), locale.textDirection());
    EXPECT_TRUE(nameless(window_.get()).isEmpty()) << s(nameless(window_.get()).join(QLatin1Char('\n')));
    shot(window_.get(), QStringLiteral("language_") + QString::fromLatin1(name));
    window_->show_page(2);
    QTest::qWait(300);
    shot(window_.get(), QStringLiteral("cache_") + QString::fromLatin1(name));
    stop();
    for (QTranslator* one : installed) QCoreApplication::removeTranslator(one);
  }
  install_translation(qApp, QLocale::c());
  start();
}

}  // namespace pumice::test::chat_window
