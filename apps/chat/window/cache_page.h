// The KV cache as it is now, and how much of the device is left to others.
#pragma once

#include <QWidget>

#include "chat/core/controller.h"

class QLabel;
class QSlider;
class QTimer;
class QTreeWidget;

namespace pumice_chat {

class CacheMap;

class CachePage : public QWidget {
  Q_OBJECT
 public:
  CachePage(QWidget* parent, Controller* controller);
  CacheMap* map() const { return map_; }

 protected:
  void showEvent(QShowEvent* event) override;
  void hideEvent(QHideEvent* event) override;

 private:
  void ask();
  void show_view(const CacheView& view);
  void show_branches();
  void mark_chosen();
  void show_budget(int value);

  Controller* controller_;
  CacheMap* map_;
  QLabel *legend_, *facts_, *budget_text_;
  QTreeWidget* branches_;
  QSlider* budget_;
  QTimer* timer_;
  CacheView view_;
  bool asked_ = false;
};

}  // namespace pumice_chat
