// The chats at the side: pinned ones first, folders, and what a search finds.
#pragma once

#include <QWidget>
#include <vector>

#include "chat/core/controller.h"

class QLineEdit;
class QPushButton;
class QTimer;
class QTreeWidget;
class QTreeWidgetItem;

namespace pumice_chat {

class ChatList : public QWidget {
  Q_OBJECT
 public:
  ChatList(QWidget* parent, Controller* controller);

  void show_chats();  // soon; many calls become one
  QLineEdit* search() const { return search_; }
  QTreeWidget* tree() const { return tree_; }

 Q_SIGNALS:
  void wants_new();
  void wants_open(pumice_chat::Id chat, pumice_chat::Id message);
  void wants_menu(pumice_chat::Id chat, const QPoint& at);

 private:
  void rebuild();
  void find();
  void show_hits(const std::vector<SearchHit>& hits);
  QTreeWidgetItem* folder(const QString& name);

  Controller* controller_;
  QLineEdit* search_;
  QTreeWidget* tree_;
  QTimer *soon_, *typed_;
  bool filling_ = false;
};

}  // namespace pumice_chat
