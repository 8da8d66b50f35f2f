// A chat: its messages, the composer below, and what the next message would cost.
#pragma once

#include <QWidget>

#include "chat/core/controller.h"

class QLabel;
class QProgressBar;
class QTimer;

namespace pumice_chat {

class Composer;
class MessageList;
class MessageWidget;

class ChatPage : public QWidget {
  Q_OBJECT
 public:
  ChatPage(QWidget* parent, Controller* controller);

  Composer* composer() const { return composer_; }
  MessageList* messages() const { return messages_; }
  void show_chat();
  void added(Id id);
  void grown(Id id);
  void model_changed();
  void edit(Id id);
  void step_branch(Id id, int step);
  void copy(Id id);
  void regenerate(Id id);
  void remove(Id id);
  void focus_composer();
  void show_running();  // what may be sent and stopped

 Q_SIGNALS:
  void problem(const QString& text);
  void about_to_reply();  // settings that were changed count from here on

 private:
  void connect_message(MessageWidget* widget);
  void menu(Id id, QWidget* at);
  void send(const QString& text, const std::vector<Attachment>& attachments);
  void ask_plan();
  void show_plan(const Plan& plan);

  Controller* controller_;
  QLabel *empty_, *cost_;
  MessageList* messages_;
  Composer* composer_;
  QProgressBar* meter_;
  QTimer* typed_;
  Id editing_ = 0;
};

}  // namespace pumice_chat
