// The pages of the KV cache as squares, each in the colour of what it is to the chats.
#pragma once

#include <QWidget>

#include "chat/core/engine_types.h"

namespace pumice_chat {

enum class PageKind { kFree = 0, kHeld, kShared, kCached, kFromRam, kFromDisk, kKinds };

struct PageCounts {
  std::uint32_t of[static_cast<int>(PageKind::kKinds)] = {};
};

// Of each place of the pool. Pure.
std::vector<PageKind> page_kinds(const CacheView& view);
// "You: Once upon a time"
QString short_text(const HeldMessage& message);
PageCounts count_pages(const std::vector<PageKind>& kinds);

class CacheMap : public QWidget {
  Q_OBJECT
 public:
  explicit CacheMap(QWidget* parent);
  void show_view(const CacheView& view);
  static QColor colour(PageKind kind, const QWidget* of);
  static QString name(PageKind kind);
  // Pages that are framed; none: nothing is.
  void mark(std::vector<std::uint32_t> pages);

 protected:
  void paintEvent(QPaintEvent* event) override;
  bool event(QEvent* event) override;
  QSize sizeHint() const override { return {480, 240}; }

 private:
  int side() const;
  int columns() const;

  CacheView view_;
  std::vector<PageKind> kinds_;
  std::vector<std::uint32_t> marked_;
};

}  // namespace pumice_chat
