#include "chat/window/palette_dialog.h"

#include <QAction>
#include <QKeyEvent>
#include <QLineEdit>
#include <QListWidget>
#include <QVBoxLayout>

#include "chat/window/ui.h"

namespace pumice_chat {

namespace {
constexpr int kMostChats = 50;
}

bool fits(const QString& name, const QString& typed) {
  qsizetype at = 0;
  for (const QChar& c : typed) {
    if (c.isSpace()) continue;
    at = name.indexOf(c, at, Qt::CaseInsensitive);
    if (at < 0) return false;
    ++at;
  }
  return true;
}

PaletteDialog::PaletteDialog(QWidget* parent, const QList<QAction*>& actions, const std::vector<ChatInfo>& chats)
    : QDialog(parent), actions_(actions), chats_(chats) {
  setWindowTitle(tr("Commands"));
  resize(520, 420);
  auto* column = new QVBoxLayout(this);
  typed_ = new QLineEdit(this);
  typed_->setPlaceholderText(tr("A command or a chat"));
  typed_->setAccessibleName(tr("A command or a chat"));
  typed_->installEventFilter(this);
  list_ = new QListWidget(this);
  list_->setAccessibleName(tr("Commands"));
  column->addWidget(typed_);
  column->addWidget(list_);
  connect(typed_, &QLineEdit::textChanged, this, &PaletteDialog::fill);
  connect(typed_, &QLineEdit::returnPressed, this, &PaletteDialog::choose);
  connect(list_, &QListWidget::itemActivated, this, &PaletteDialog::choose);
  fill();
}

void PaletteDialog::fill() {
  list_->clear();
  const QString typed = typed_->text();
  for (qsizetype i = 0; i < actions_.size(); ++i) {
    QString name = actions_[i]->text();
    name.remove(QLatin1Char('&'));
    if (!actions_[i]->isEnabled() || !fits(name, typed)) continue;
    const QString keys = actions_[i]->shortcut().toString(QKeySequence::NativeText);
    auto* item = new QListWidgetItem(keys.isEmpty() ? name : name + QStringLiteral("   —   ") + keys, list_);
    item->setData(Qt::UserRole, static_cast<int>(i));
  }
  int shown = 0;
  for (const ChatInfo& chat : chats_) {
    if (shown >= kMostChats || chat.title.empty() || !fits(q(chat.title), typed)) continue;
    ++shown;
    auto* item = new QListWidgetItem(tr("Chat: %1").arg(q(chat.title)), list_);
    item->setData(Qt::UserRole + 1, static_cast<qlonglong>(chat.id));
  }
  list_->setCurrentRow(0);
}

void PaletteDialog::choose() {
  const QListWidgetItem* item = list_->currentItem();
  if (!item) return;
  if (item->data(Qt::UserRole).isValid()) action_ = actions_[item->data(Qt::UserRole).toInt()];
  chat_ = item->data(Qt::UserRole + 1).toLongLong();
  accept();
}

// The arrows move in the list while the letters go to the field.
bool PaletteDialog::eventFilter(QObject* of, QEvent* event) {
  if (event->type() == QEvent::KeyPress) {
    const int key = static_cast<QKeyEvent*>(event)->key();
    const int step = key == Qt::Key_Down ? 1 : key == Qt::Key_Up ? -1 : 0;
    if (step != 0) {
      list_->setCurrentRow(qBound(0, list_->currentRow() + step, list_->count() - 1));
      return true;
    }
  }
  return QDialog::eventFilter(of, event);
}

}  // namespace pumice_chat
