// All actions and chats by a few letters of their names.
#pragma once

#include <QDialog>
#include <QList>
#include <vector>

#include "chat/core/types.h"

class QAction;
class QLineEdit;
class QListWidget;

namespace pumice_chat {

// Whether the letters of `typed` come in this order in `name`, whatever their case.
bool fits(const QString& name, const QString& typed);

class PaletteDialog : public QDialog {
  Q_OBJECT
 public:
  PaletteDialog(QWidget* parent, const QList<QAction*>& actions, const std::vector<ChatInfo>& chats);

  QAction* action() const { return action_; }  // that was chosen; null: none
  Id chat() const { return chat_; }

 protected:
  bool eventFilter(QObject* of, QEvent* event) override;

 private:
  void fill();
  void choose();

  QList<QAction*> actions_;
  std::vector<ChatInfo> chats_;
  QLineEdit* typed_;
  QListWidget* list_;
  QAction* action_ = nullptr;
  Id chat_ = 0;
};

}  // namespace pumice_chat
