// The messages of the open chat, the last ones first; earlier ones are built when they are asked for.
#pragma once

#include <QScrollArea>
#include <set>
#include <vector>

#include "chat/core/controller.h"

class QPushButton;
class QTimer;
class QVBoxLayout;

namespace pumice_chat {

class MessageWidget;

class MessageList : public QScrollArea {
  Q_OBJECT
 public:
  MessageList(QWidget* parent, Controller* controller);

  void show_chat();  // another chat or another branch
  void added(Id id);
  void grown(Id id);  // shown at most 30 times a second
  void scroll_to(Id id);
  // What has the focus, else the last one; 0: there is none.
  Id current() const;

 Q_SIGNALS:
  void made(MessageWidget* widget);

 private:
  MessageWidget* make(Id id);
  void set_branches(MessageWidget* widget);
  void show_earlier();
  void show_dirty();
  void stick();

  Controller* controller_;
  QWidget* inside_;
  QVBoxLayout* column_;
  QPushButton* earlier_;
  QTimer* soon_;
  std::vector<MessageWidget*> widgets_;  // of the end of the path
  std::vector<Id> path_;
  std::set<Id> dirty_;
  Id chat_ = 0;
  bool at_end_ = true;
};

}  // namespace pumice_chat
