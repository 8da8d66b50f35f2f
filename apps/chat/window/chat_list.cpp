#include "chat/window/chat_list.h"

#include <QDateTime>
#include <QHeaderView>
#include <QLineEdit>
#include <QLocale>
#include <QPushButton>
#include <QScrollBar>
#include <QTimer>
#include <QTreeWidget>
#include <QVBoxLayout>

#include "chat/window/ui.h"

namespace pumice_chat {

namespace {
constexpr int kChat = Qt::UserRole, kMessage = Qt::UserRole + 1, kFolder = Qt::UserRole + 2;
}

ChatList::ChatList(QWidget* parent, Controller* controller)
    : QWidget(parent), controller_(controller), soon_(new QTimer(this)), typed_(new QTimer(this)) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(6, 6, 6, 6);
  auto* fresh = new QPushButton(tr("New chat"), this);
  fresh->setToolTip(tr("New chat (Ctrl+N)"));
  search_ = new QLineEdit(this);
  search_->setPlaceholderText(tr("Search all chats"));
  search_->setAccessibleName(tr("Search all chats"));
  search_->setClearButtonEnabled(true);
  for (QToolButton* clear : search_->findChildren<QToolButton*>()) clear->setAccessibleName(tr("Clear the search"));
  tree_ = new QTreeWidget(this);
  tree_->setHeaderHidden(true);
  tree_->setAccessibleName(tr("Chats"));
  tree_->setContextMenuPolicy(Qt::CustomContextMenu);
  tree_->setFrameShape(QFrame::NoFrame);
  tree_->setIndentation(14);
  tree_->setUniformRowHeights(true);
  column->addWidget(fresh);
  column->addWidget(search_);
  column->addWidget(tree_);
  soon_->setSingleShot(true);
  soon_->setInterval(30);
  typed_->setSingleShot(true);
  typed_->setInterval(150);
  connect(fresh, &QPushButton::clicked, this, &ChatList::wants_new);
  connect(soon_, &QTimer::timeout, this, &ChatList::rebuild);
  connect(typed_, &QTimer::timeout, this, &ChatList::find);
  connect(search_, &QLineEdit::textChanged, this, [this] { typed_->start(); });
  const auto open = [this](QTreeWidgetItem* item) {
    if (item && !filling_ && item->data(0, kChat).isValid())
      Q_EMIT wants_open(item->data(0, kChat).toLongLong(), item->data(0, kMessage).toLongLong());
  };
  connect(tree_, &QTreeWidget::currentItemChanged, this, open);
  connect(tree_, &QTreeWidget::itemActivated, this, open);
  connect(tree_, &QTreeWidget::customContextMenuRequested, this, [this](const QPoint& at) {
    QTreeWidgetItem* item = tree_->itemAt(at);
    if (item && item->data(0, kChat).isValid())
      Q_EMIT wants_menu(item->data(0, kChat).toLongLong(), tree_->viewport()->mapToGlobal(at));
  });
}

void ChatList::show_chats() {
  if (!soon_->isActive()) soon_->start();
}

QTreeWidgetItem* ChatList::folder(const QString& name) {
  for (int i = 0; i < tree_->topLevelItemCount(); ++i)
    if (tree_->topLevelItem(i)->data(0, kFolder).toString() == name) return tree_->topLevelItem(i);
  auto* item = new QTreeWidgetItem({QStringLiteral("🗀 ") + name});
  item->setData(0, kFolder, name);
  item->setFlags(Qt::ItemIsEnabled);
  item->setData(0, Qt::AccessibleTextRole, tr("Folder %1").arg(name));
  tree_->insertTopLevelItem(0, item);
  item->setExpanded(true);
  return item;
}

void ChatList::rebuild() {
  if (!search_->text().isEmpty()) return;
  filling_ = true;
  const int scrolled = tree_->verticalScrollBar()->value();
  tree_->setUpdatesEnabled(false);
  tree_->clear();
  QTreeWidgetItem* current = nullptr;
  QList<QTreeWidgetItem*> loose;
  for (const ChatInfo& chat : controller_->chats()) {
    const QString title = chat.title.empty() ? tr("Chat") : q(chat.title);
    auto* item = new QTreeWidgetItem({(chat.pinned ? QStringLiteral("★ ") : QString()) + title});
    item->setData(0, kChat, static_cast<qlonglong>(chat.id));
    item->setData(0, Qt::AccessibleTextRole, chat.pinned ? tr("%1, pinned").arg(title) : title);
    item->setToolTip(0, title + QLatin1Char('\n') +
                            QLocale().toString(QDateTime::fromMSecsSinceEpoch(chat.updated_ms), QLocale::ShortFormat));
    if (chat.folder.empty())
      loose.push_back(item);
    else
      folder(q(chat.folder))->addChild(item);
    if (chat.id == controller_->open_chat()) current = item;
  }
  tree_->addTopLevelItems(loose);
  if (current) tree_->setCurrentItem(current);
  tree_->verticalScrollBar()->setValue(scrolled);
  tree_->setUpdatesEnabled(true);
  filling_ = false;
}

void ChatList::find() {
  const QString text = search_->text();
  if (text.isEmpty()) return rebuild();
  controller_->search(s(text), [this, text](const std::vector<SearchHit>& hits) {
    if (search_->text() == text) show_hits(hits);
  });
}

void ChatList::show_hits(const std::vector<SearchHit>& hits) {
  filling_ = true;
  tree_->clear();
  for (const SearchHit& hit : hits) {
    const QString snippet = q(hit.snippet).simplified();
    auto* item = new QTreeWidgetItem({snippet.isEmpty() ? q(hit.title) : snippet});
    item->setToolTip(0, q(hit.title));
    item->setData(0, Qt::AccessibleTextRole, tr("%1, in %2").arg(snippet, q(hit.title)));
    item->setData(0, kChat, static_cast<qlonglong>(hit.chat));
    item->setData(0, kMessage, static_cast<qlonglong>(hit.message));
    tree_->addTopLevelItem(item);
  }
  if (hits.empty()) {
    auto* none = new QTreeWidgetItem({tr("Nothing found")});
    none->setFlags(Qt::NoItemFlags);
    tree_->addTopLevelItem(none);
  }
  filling_ = false;
}

}  // namespace pumice_chat
