#include "chat/window/chat_page.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QLabel>
#include <QMenu>
#include <QMessageBox>
#include <QProgressBar>
#include <QTimer>
#include <QVBoxLayout>
#include <algorithm>

#include "chat/window/composer.h"
#include "chat/window/message_list.h"
#include "chat/window/message_widget.h"
#include "chat/window/ui.h"

namespace pumice_chat {

ChatPage::ChatPage(QWidget* parent, Controller* controller)
    : QWidget(parent), controller_(controller), typed_(new QTimer(this)) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(0);
  messages_ = new MessageList(this, controller);
  empty_ = new QLabel(this);
  empty_->setAlignment(Qt::AlignCenter);
  empty_->setWordWrap(true);
  empty_->setMargin(24);
  empty_->setTextFormat(Qt::PlainText);
  composer_ = new Composer(this);
  auto* foot = new QHBoxLayout;
  foot->setContentsMargins(12, 0, 12, 6);
  cost_ = small_label(this);
  meter_ = new QProgressBar(this);
  meter_->setFixedWidth(140);
  meter_->setMaximumHeight(12);
  meter_->setTextVisible(false);
  meter_->setVisible(false);
  meter_->setAccessibleName(tr("Context in use"));
  foot->addWidget(cost_, 1);
  foot->addWidget(meter_);
  column->addWidget(empty_, 1);
  column->addWidget(messages_, 1);
  column->addWidget(line(this));
  column->addWidget(composer_);
  column->addLayout(foot);
  typed_->setSingleShot(true);
  typed_->setInterval(300);
  connect(typed_, &QTimer::timeout, this, &ChatPage::ask_plan);
  connect(messages_, &MessageList::made, this, &ChatPage::connect_message);
  connect(composer_, &Composer::wants_send, this, &ChatPage::send);
  connect(composer_, &Composer::wants_stop, this, [this] { controller_->stop_all(); });
  connect(composer_, &Composer::changed, this, [this] { typed_->start(); });
  connect(composer_, &Composer::editing_ended, this, [this] {
    editing_ = 0;
    show_running();
  });
  connect(composer_, &Composer::problem, this, &ChatPage::problem);
}

void ChatPage::connect_message(MessageWidget* widget) {
  connect(widget, &MessageWidget::wants_copy, this, &ChatPage::copy);
  connect(widget, &MessageWidget::wants_edit, this, &ChatPage::edit);
  connect(widget, &MessageWidget::wants_regenerate, this, &ChatPage::regenerate);
  connect(widget, &MessageWidget::wants_branch, this, &ChatPage::step_branch);
  connect(widget, &MessageWidget::wants_stop, this, [this](Id id) { controller_->stop(id); });
  connect(widget, &MessageWidget::wants_menu, this, &ChatPage::menu);
  connect(widget, &MessageWidget::link, this, [this](const QString& url) { open_link(this, url); });
}

void ChatPage::send(const QString& text, const std::vector<Attachment>& attachments) {
  Q_EMIT about_to_reply();
  if (editing_ != 0) {
    const Id id = std::exchange(editing_, 0);
    composer_->set_editing({});
    controller_->edit(id, s(text));
  } else {
    controller_->send(s(text), attachments);
  }
  show_running();
}

void ChatPage::edit(Id id) {
  const Message* message = controller_->tree().find(id);
  if (!message) return;
  editing_ = id;
  composer_->set_text(q(message->content), {});
  composer_->set_editing(message->role == Role::kUser ? tr("Editing your message: it becomes a new branch.")
                                                      : tr("Editing the reply: it becomes a new branch."));
  focus_composer();
  show_running();
  ask_plan();
}

void ChatPage::step_branch(Id id, int step) {
  const std::vector<Id> all = controller_->tree().siblings(id);
  const auto at = std::find(all.begin(), all.end(), id);
  const std::ptrdiff_t to = at - all.begin() + step;
  if (at == all.end() || to < 0 || to >= static_cast<std::ptrdiff_t>(all.size())) return;
  controller_->switch_to(all[static_cast<std::size_t>(to)]);
}

void ChatPage::copy(Id id) {
  if (const Message* message = controller_->tree().find(id)) QGuiApplication::clipboard()->setText(q(message->content));
}

void ChatPage::regenerate(Id id) {
  Q_EMIT about_to_reply();
  controller_->regenerate(id);
}

void ChatPage::remove(Id id) {
  const Message* message = controller_->tree().find(id);
  if (!message) return;
  const auto answer = QMessageBox::question(this, tr("Delete this message?"),
                                            tr("Delete this message and all that follows it on this branch?\n"
                                               "This cannot be undone."),
                                            QMessageBox::Yes | QMessageBox::No, QMessageBox::No);
  if (answer == QMessageBox::Yes) controller_->remove(id);
}

void ChatPage::menu(Id id, QWidget* at) {
  QMenu menu(this);
  menu.addAction(tr("Branch into a new chat"), this, [this, id] { controller_->branch_to_new_chat(id); });
  menu.addAction(tr("Delete from here on…"), this, [this, id] { remove(id); });
  menu.exec(at->mapToGlobal(QPoint(0, at->height())));
}

void ChatPage::show_running() {
  composer_->set_running(controller_->any_runs(controller_->open_chat()));
  composer_->set_may_send(controller_->may_send() || editing_ != 0);
}

void ChatPage::show_chat() {
  const bool empty = controller_->tree().empty();
  messages_->show_chat();
  messages_->setVisible(!empty);
  empty_->setVisible(empty);
  model_changed();
  show_running();
  show_plan({});
  ask_plan();
}

void ChatPage::added(Id id) {
  empty_->hide();
  messages_->show();
  messages_->added(id);
  show_running();
}

void ChatPage::grown(Id id) {
  messages_->grown(id);
  if (controller_->runs(id)) return;
  show_running();
  typed_->start();
}

void ChatPage::model_changed() {
  const ModelFacts& model = controller_->model();
  const bool loaded = controller_->model_state() == ModelState::kLoaded;
  composer_->set_sees(loaded && model.sees);
  QString text;
  if (loaded && model.plain)
    text = tr("%1 was not taught to converse: it goes on with what you write, as one text.\n"
              "Begin a story: “Once upon a time there was a fox who”\n\n"
              "The page Models shows what else is on this machine.")
               .arg(q(model.name));
  else if (loaded)
    text = tr("%1 is ready.").arg(q(model.name));
  else if (controller_->model_state() == ModelState::kLoading)
    text = tr("The model is being loaded. You can write meanwhile.");
  else
    text = tr("No model is loaded. The page Models shows what is on this machine.");
  empty_->setText(text);
  typed_->start();
}

void ChatPage::ask_plan() {
  const Message* edited = editing_ != 0 ? controller_->tree().find(editing_) : nullptr;
  const Id chat = controller_->open_chat();
  controller_->plan(s(composer_->text()), edited ? (edited->parent != 0 ? edited->parent : -1) : 0,
                    [this, chat](const Plan& plan) {
                      if (chat == controller_->open_chat()) show_plan(plan);
                    });
}

void ChatPage::show_plan(const Plan& plan) {
  meter_->setVisible(plan.known);
  cost_->setVisible(plan.known);
  if (!plan.known) return;
  meter_->setRange(0, static_cast<int>(plan.window_tokens));
  meter_->setValue(static_cast<int>(std::min(plan.prompt_tokens, plan.window_tokens)));
  const std::uint32_t fresh = plan.prompt_tokens - std::min(plan.prompt_tokens, plan.held_tokens);
  QString text = tr("Context %1 of %2 tokens; the next reply keeps %3 and computes %4.")
                     .arg(plan.prompt_tokens)
                     .arg(plan.window_tokens)
                     .arg(plan.held_tokens)
                     .arg(fresh);
  if (plan.left_out > 0)
    text += QLatin1Char(' ') + tr("The oldest %n message(s) will be dropped.", "", static_cast<int>(plan.left_out));
  cost_->setText(text);
  meter_->setToolTip(text);
}

void ChatPage::focus_composer() { composer_->edit()->setFocus(); }

}  // namespace pumice_chat
