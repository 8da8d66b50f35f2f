// MainWindow: menus and what they do. Each action has a shortcut.
#include <QAction>
#include <QActionGroup>
#include <QApplication>
#include <QFile>
#include <QFileDialog>
#include <QInputDialog>
#include <QLineEdit>
#include <QMenu>
#include <QMenuBar>
#include <QMessageBox>
#include <QSaveFile>
#include <QSettings>
#include <QTextBrowser>
#include <QVBoxLayout>

#include "chat/window/background.h"
#include "chat/window/chat_list.h"
#include "chat/window/chat_page.h"
#include "chat/window/composer.h"
#include "chat/window/main_window.h"
#include "chat/window/message_list.h"
#include "chat/window/palette_dialog.h"
#include "chat/window/settings_panel.h"
#include "chat/window/theme.h"
#include "chat/window/ui.h"

namespace pumice_chat {

namespace {

// What went wrong; empty: nothing.
QString write_file(const QString& path, const std::string& text) {
  QSaveFile file(path);
  const QByteArray bytes = QByteArray::fromStdString(text);
  const bool done = file.open(QIODevice::WriteOnly) && file.write(bytes) == bytes.size() && file.commit();
  return done ? QString() : file.errorString();
}

std::pair<QString, std::string> read_file(const QString& path) {
  QFile file(path);
  if (!file.open(QIODevice::ReadOnly)) return {file.errorString(), {}};
  return {QString(), file.readAll().toStdString()};
}

}  // namespace

QAction* MainWindow::action(QMenu* menu, const QString& name, const QString& keys, std::function<void()> run) {
  QAction* action = menu->addAction(name);
  if (!keys.isEmpty()) action->setShortcut(QKeySequence(keys));
  if (run) connect(action, &QAction::triggered, this, [run = std::move(run)] { run(); });
  actions_.push_back(action);
  return action;
}

void MainWindow::make_actions() {
  chat_menu(menuBar()->addMenu(tr("&Chat")));
  message_menu(menuBar()->addMenu(tr("&Message")));
  view_menu(menuBar()->addMenu(tr("&View")));
  QMenu* help = menuBar()->addMenu(tr("&Help"));
  action(help, tr("Shortcuts"), QStringLiteral("F1"), [this] { show_shortcuts(); });
  action(help, tr("About Pumice Chat"), QStringLiteral("Shift+F1"), [this] { about(); });
}

void MainWindow::chat_menu(QMenu* menu) {
  const auto open = [this] { return controller_->open_chat(); };
  action(menu, tr("New chat"), QStringLiteral("Ctrl+N"), [this] {
    show_page(0);
    controller_->new_chat();
    chat_->focus_composer();
  });
  action(menu, tr("Search all chats"), QStringLiteral("Ctrl+F"), [this] {
    list_->search()->setFocus();
    list_->search()->selectAll();
  });
  action(menu, tr("Rename…"), QStringLiteral("F2"), [=, this] { rename_chat(open()); });
  action(menu, tr("Pin or unpin"), QStringLiteral("Ctrl+D"), [=, this] {
    if (const ChatInfo* chat = controller_->chat(open())) controller_->set_pinned(open(), !chat->pinned);
  });
  action(menu, tr("Move to a folder…"), QStringLiteral("Ctrl+Shift+F"), [=, this] { move_chat(open()); });
  menu->addSeparator();
  action(menu, tr("Import…"), QStringLiteral("Ctrl+O"), [this] { import_chat(); });
  action(menu, tr("Export as Markdown…"), QStringLiteral("Ctrl+S"), [this] { export_chat(true); });
  action(menu, tr("Export as JSON…"), QStringLiteral("Ctrl+Shift+S"), [this] { export_chat(false); });
  menu->addSeparator();
  action(menu, tr("Delete chat…"), QStringLiteral("Ctrl+Shift+Del"), [=, this] { delete_chat(open()); });
  action(menu, tr("Quit"), QStringLiteral("Ctrl+Q"), [this] { close(); });
}

void MainWindow::message_menu(QMenu* menu) {
  const auto at = [this] { return chat_->messages()->current(); };
  action(menu, tr("Write"), QStringLiteral("Ctrl+L"), [this] {
    show_page(0);
    chat_->focus_composer();
  });
  action(menu, tr("Attach files…"), QStringLiteral("Ctrl+U"), [this] { chat_->composer()->choose_files(); });
  action(menu, tr("Stop"), QStringLiteral("Esc"), [this] { controller_->stop_all(); });
  menu->addSeparator();
  action(menu, tr("Another reply"), QStringLiteral("Ctrl+R"), [=, this] { chat_->regenerate(at()); });
  action(menu, tr("Edit"), QStringLiteral("Ctrl+E"), [=, this] { chat_->edit(at()); });
  action(menu, tr("Copy message"), QStringLiteral("Ctrl+Shift+C"), [=, this] { chat_->copy(at()); });
  action(menu, tr("Previous branch"), QStringLiteral("Alt+Left"), [=, this] { chat_->step_branch(at(), -1); });
  action(menu, tr("Next branch"), QStringLiteral("Alt+Right"), [=, this] { chat_->step_branch(at(), 1); });
  action(menu, tr("Branch into a new chat"), QStringLiteral("Ctrl+B"),
         [=, this] { controller_->branch_to_new_chat(at()); });
  action(menu, tr("Delete from here on…"), QStringLiteral("Ctrl+Del"), [=, this] { chat_->remove(at()); });
}

QToolButton* MainWindow::action_button(QAction* of) {
  auto* button = new QToolButton(this);
  button->setDefaultAction(of);
  button->setAutoRaise(true);
  button->setFocusPolicy(Qt::TabFocus);
  button->setAccessibleName(of->text());
  button->setToolTip(of->text() + QStringLiteral(" (") + of->shortcut().toString(QKeySequence::NativeText) +
                     QLatin1Char(')'));
  return button;
}

void MainWindow::view_menu(QMenu* menu) {
  action(menu, tr("Commands…"), QStringLiteral("Ctrl+K"), [this] { open_palette(); });
  menu->addSeparator();
  auto* group = new QActionGroup(this);
  const QStringList names = {tr("Chat"), tr("Models"), tr("KV cache"), tr("Benchmark")};
  for (int i = 0; i < names.size(); ++i) {
    QAction* page = action(menu, names[i], QStringLiteral("Ctrl+%1").arg(i + 1), {});
    page->setCheckable(true);
    page->setChecked(i == 0);
    // Assistive technology toggles a button that is a switch, and triggers nothing.
    connect(page, &QAction::toggled, this, [this, i](bool on) {
      if (on) show_page(i);
    });
    group->addAction(page);
    page_actions_.push_back(page);
    pages_row_->addWidget(action_button(page));
  }
  pages_row_->addStretch();
  menu->addSeparator();
  settings_action_ = action(menu, tr("Settings of the chat"), QStringLiteral("Ctrl+,"), {});
  settings_action_->setCheckable(true);
  connect(settings_action_, &QAction::toggled, this, [this] { show_page(0); });
  pages_row_->addWidget(action_button(settings_action_));
  action(menu, tr("Larger text"), QStringLiteral("Ctrl++"), [this] { change_font(1); });
  action(menu, tr("Smaller text"), QStringLiteral("Ctrl+-"), [this] { change_font(-1); });
  menu->addSeparator();
  appearance_menu(menu);
}

void MainWindow::appearance_menu(QMenu* menu) {
  auto* group = new QActionGroup(this);
  const QStringList names = {tr("As the system"), tr("Light"), tr("Dark")};
  for (int i = 0; i < names.size(); ++i) {
    QAction* one = action(menu, names[i], QStringLiteral("Ctrl+Alt+%1").arg(i + 1),
                          [this, i] { theme_->choose(static_cast<Theme::Choice>(i)); });
    one->setCheckable(true);
    one->setChecked(static_cast<int>(theme_->choice()) == i);
    group->addAction(one);
  }
}

void MainWindow::change_font(int step) {
  QFont font = QApplication::font();
  font.setPointSizeF(qBound(6.0, font.pointSizeF() + step, 32.0));
  QApplication::setFont(font);
  QSettings().setValue(QStringLiteral("font"), font.pointSizeF());
}

void MainWindow::open_palette() {
  PaletteDialog dialog(this, actions_, controller_->chats());
  if (dialog.exec() != QDialog::Accepted) return;
  if (dialog.action()) dialog.action()->trigger();
  if (dialog.chat() == 0) return;
  show_page(0);
  controller_->open(dialog.chat());
}

void MainWindow::show_shortcuts() {
  QString text = QStringLiteral("<table cellpadding=3>");
  for (const QAction* one : actions_) {
    QString name = one->text();
    name.remove(QLatin1Char('&'));
    text += QStringLiteral("<tr><td>%1</td><td><b>%2</b></td></tr>")
                .arg(name.toHtmlEscaped(), one->shortcut().toString(QKeySequence::NativeText).toHtmlEscaped());
  }
  text += QStringLiteral("<tr><td>%1</td><td><b>Enter</b></td></tr></table>").arg(tr("Send"));
  QDialog dialog(this);
  dialog.setWindowTitle(tr("Shortcuts"));
  dialog.resize(460, 560);
  auto* column = new QVBoxLayout(&dialog);
  auto* list = new QTextBrowser(&dialog);
  list->setAccessibleName(tr("Shortcuts"));
  list->setHtml(text);
  column->addWidget(list);
  dialog.exec();
}

void MainWindow::rename_chat(Id id) {
  const ChatInfo* chat = controller_->chat(id);
  if (!chat) return;
  bool ok = false;
  const QString title = QInputDialog::getText(this, tr("Rename"), tr("Title:"), QLineEdit::Normal, q(chat->title), &ok);
  if (ok) controller_->rename(id, s(title.trimmed()));
}

void MainWindow::move_chat(Id id) {
  const ChatInfo* chat = controller_->chat(id);
  if (!chat) return;
  QStringList folders = {QString()};
  for (const ChatInfo& one : controller_->chats())
    if (!folders.contains(q(one.folder))) folders.push_back(q(one.folder));
  bool ok = false;
  const QString folder = QInputDialog::getItem(this, tr("Move to a folder"), tr("Folder (empty: none):"), folders,
                                               static_cast<int>(folders.indexOf(q(chat->folder))), true, &ok);
  if (ok) controller_->set_folder(id, s(folder.trimmed()));
}

void MainWindow::delete_chat(Id id) {
  const ChatInfo* chat = controller_->chat(id);
  if (!chat) return;
  const auto answer = QMessageBox::question(this, tr("Delete chat"),
                                            tr("Delete “%1” with all its branches? This cannot be undone.")
                                                .arg(chat->title.empty() ? tr("New chat") : q(chat->title)),
                                            QMessageBox::Yes | QMessageBox::No, QMessageBox::No);
  if (answer == QMessageBox::Yes) controller_->remove_chat(id);
}

void MainWindow::show_chat_menu(Id id, const QPoint& at) {
  const ChatInfo* chat = controller_->chat(id);
  if (!chat) return;
  QMenu menu(this);
  menu.addAction(tr("Rename…"), this, [this, id] { rename_chat(id); });
  menu.addAction(chat->pinned ? tr("Unpin") : tr("Pin"), this,
                 [this, id, pinned = chat->pinned] { controller_->set_pinned(id, !pinned); });
  menu.addAction(tr("Move to a folder…"), this, [this, id] { move_chat(id); });
  menu.addAction(tr("Delete chat…"), this, [this, id] { delete_chat(id); });
  menu.exec(at);
}

void MainWindow::export_chat(bool markdown) {
  const Id id = controller_->open_chat();
  const std::string text = markdown ? controller_->as_markdown(id) : controller_->as_json(id);
  if (text.empty()) return;
  const QString path = QFileDialog::getSaveFileName(
      this, tr("Export"), QStringLiteral("chat") + (markdown ? QStringLiteral(".md") : QStringLiteral(".json")),
      markdown ? tr("Markdown (*.md)") : tr("JSON (*.json)"));
  if (path.isEmpty()) return;
  in_background(
      this, [path, text] { return write_file(path, text); },
      [this, path](const QString& problem) {
        if (!problem.isEmpty()) banner(tr("%1 cannot be written: %2").arg(path, problem));
      });
}

void MainWindow::import_chat() {
  const QString path = QFileDialog::getOpenFileName(this, tr("Import"), {}, tr("JSON (*.json)"));
  if (path.isEmpty()) return;
  in_background(
      this, [path] { return read_file(path); },
      [this, path](const std::pair<QString, std::string>& read) {
        if (!read.first.isEmpty()) return banner(tr("%1 cannot be read: %2").arg(path, read.first));
        if (!controller_->import(read.second))
          banner(tr("%1 is no chat that this program or 'pumice chat' has written.").arg(path));
      });
}

void MainWindow::about() {
  QMessageBox::about(this, tr("About Pumice Chat"),
                     tr("Pumice Chat %1\n\nConverses with models on this machine's GPU through Vulkan. Nothing leaves "
                        "this machine.")
                         .arg(QString::fromLatin1(pumice_version())));
}

}  // namespace pumice_chat
