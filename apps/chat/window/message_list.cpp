#include "chat/window/message_list.h"

#include <QPushButton>
#include <QScrollBar>
#include <QTimer>
#include <QVBoxLayout>
#include <algorithm>

#include "chat/window/message_widget.h"

namespace pumice_chat {

namespace {
constexpr std::size_t kFirst = 20, kMore = 30;  // messages that are built at once
constexpr int kPauseMs = 33;
}  // namespace

MessageList::MessageList(QWidget* parent, Controller* controller)
    : QScrollArea(parent), controller_(controller), inside_(new QWidget(this)), soon_(new QTimer(this)) {
  setWidgetResizable(true);
  setFrameShape(QFrame::NoFrame);
  setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  setAccessibleName(tr("Messages"));
  setFocusPolicy(Qt::NoFocus);
  inside_->setBackgroundRole(QPalette::Base);
  inside_->setAutoFillBackground(true);
  column_ = new QVBoxLayout(inside_);
  column_->setSpacing(6);
  column_->setContentsMargins(8, 8, 8, 8);
  earlier_ = new QPushButton(tr("Show earlier messages"), inside_);
  earlier_->setFlat(true);
  earlier_->hide();
  column_->addWidget(earlier_);
  column_->addStretch(1);
  setWidget(inside_);
  soon_->setSingleShot(true);
  soon_->setInterval(kPauseMs);
  connect(soon_, &QTimer::timeout, this, &MessageList::show_dirty);
  connect(earlier_, &QPushButton::clicked, this, &MessageList::show_earlier);
  connect(verticalScrollBar(), &QScrollBar::valueChanged, this,
          [this](int value) { at_end_ = value >= verticalScrollBar()->maximum() - 8; });
  connect(verticalScrollBar(), &QScrollBar::rangeChanged, this, &MessageList::stick);
}

void MessageList::stick() {
  if (at_end_) verticalScrollBar()->setValue(verticalScrollBar()->maximum());
}

MessageWidget* MessageList::make(Id id) {
  const Message* message = controller_->tree().find(id);
  auto* widget = new MessageWidget(inside_, *message);
  widget->update_from(*message, controller_->progress(id));
  set_branches(widget);
  Q_EMIT made(widget);
  return widget;
}

void MessageList::set_branches(MessageWidget* widget) {
  const std::vector<Id> all = controller_->tree().siblings(widget->id());
  const auto place = std::find(all.begin(), all.end(), widget->id());
  widget->set_branches(static_cast<std::size_t>(place - all.begin()) + 1, all.size());
}

// What was there and is still shown stays as it is.
void MessageList::show_chat() {
  const bool other = chat_ != controller_->open_chat();
  chat_ = controller_->open_chat();
  path_ = controller_->tree().path();
  std::size_t first = path_.size() - std::min(path_.size(), std::max(kFirst, other ? 0 : widgets_.size()));
  std::vector<MessageWidget*> kept;
  const std::set<Id> wanted(path_.begin() + static_cast<std::ptrdiff_t>(first), path_.end());
  inside_->setUpdatesEnabled(false);
  for (MessageWidget* widget : widgets_) {
    if (!other && wanted.contains(widget->id())) {
      kept.push_back(widget);
    } else {
      column_->removeWidget(widget);
      widget->hide();
      widget->deleteLater();
    }
  }
  widgets_.clear();
  for (std::size_t i = first; i < path_.size(); ++i) {
    const auto has = std::find_if(kept.begin(), kept.end(), [&](MessageWidget* w) { return w->id() == path_[i]; });
    MessageWidget* widget = has != kept.end() ? *has : make(path_[i]);
    if (has != kept.end()) {
      set_branches(widget);
      column_->removeWidget(widget);
    }
    widgets_.push_back(widget);
    column_->insertWidget(static_cast<int>(widgets_.size()), widget);
    widget->show();
  }
  earlier_->setVisible(first > 0);
  inside_->setUpdatesEnabled(true);
  if (other) {
    at_end_ = true;
    stick();
  }
}

void MessageList::show_earlier() {
  const std::size_t built = widgets_.size(), hidden = path_.size() - built;
  const std::size_t more = std::min(hidden, kMore);
  const int from_end = verticalScrollBar()->maximum() - verticalScrollBar()->value();
  for (std::size_t i = 0; i < more; ++i) {
    MessageWidget* widget = make(path_[hidden - 1 - i]);
    widgets_.insert(widgets_.begin(), widget);
    column_->insertWidget(1, widget);
    widget->show();
  }
  earlier_->setVisible(hidden > more);
  at_end_ = false;
  QTimer::singleShot(0, this,
                     [this, from_end] { verticalScrollBar()->setValue(verticalScrollBar()->maximum() - from_end); });
}

void MessageList::added(Id id) {
  path_ = controller_->tree().path();
  MessageWidget* widget = make(id);
  widgets_.push_back(widget);
  column_->insertWidget(static_cast<int>(widgets_.size()), widget);
  widget->show();
  at_end_ = true;
  stick();
}

void MessageList::grown(Id id) {
  dirty_.insert(id);
  if (!soon_->isActive()) soon_->start();
}

void MessageList::show_dirty() {
  for (MessageWidget* widget : widgets_) {
    if (!dirty_.contains(widget->id())) continue;
    const Message* message = controller_->tree().find(widget->id());
    if (message) widget->update_from(*message, controller_->progress(widget->id()));
  }
  dirty_.clear();
}

void MessageList::scroll_to(Id id) {
  while (!widgets_.empty() && path_.size() > widgets_.size() &&
         std::none_of(widgets_.begin(), widgets_.end(), [&](MessageWidget* w) { return w->id() == id; }) &&
         std::find(path_.begin(), path_.end(), id) != path_.end())
    show_earlier();
  for (MessageWidget* widget : widgets_) {
    if (widget->id() != id) continue;
    at_end_ = false;
    widget->setFocus();
    QTimer::singleShot(50, widget, [this, widget] { ensureWidgetVisible(widget, 0, 20); });
  }
}

Id MessageList::current() const {
  for (MessageWidget* widget : widgets_)
    if (widget->hasFocus() || widget->isAncestorOf(focusWidget())) return widget->id();
  return widgets_.empty() ? 0 : widgets_.back()->id();
}

}  // namespace pumice_chat
