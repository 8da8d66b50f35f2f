#include "chat/window/cache_map.h"

#include <QHelpEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>
#include <cmath>
#include <utility>

#include "chat/window/segment_widgets.h"
#include "chat/window/ui.h"

namespace pumice_chat {

std::vector<PageKind> page_kinds(const CacheView& view) {
  std::vector<PageKind> kinds(view.stats.pages_total, PageKind::kFree);
  for (const PumiceKvPage& page : view.pages) {
    if (page.page >= kinds.size()) kinds.resize(page.page + 1, PageKind::kFree);
    PageKind& kind = kinds[page.page];
    if (page.sequences > 1)
      kind = PageKind::kShared;
    else if (page.origin == 1)
      kind = PageKind::kFromRam;
    else if (page.origin == 2)
      kind = PageKind::kFromDisk;
    else
      kind = page.sequences == 1 ? PageKind::kHeld : PageKind::kCached;
  }
  return kinds;
}

PageCounts count_pages(const std::vector<PageKind>& kinds) {
  PageCounts counts;
  for (const PageKind kind : kinds) ++counts.of[static_cast<int>(kind)];
  return counts;
}

QString short_text(const HeldMessage& message) {
  const QString who = message.role == Role::kSystem ? CacheMap::tr("System prompt")
                      : message.role == Role::kUser ? CacheMap::tr("You")
                                                    : CacheMap::tr("Reply");
  return message.text.empty() ? who : CacheMap::tr("%1: %2").arg(who, q(message.text));
}

CacheMap::CacheMap(QWidget* parent) : QWidget(parent) {
  setMinimumSize(240, 120);
  setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
  setAccessibleName(tr("Map of the pages"));
}

// Told apart by lightness as well as by hue.
QColor CacheMap::colour(PageKind kind, const QWidget* of) {
  const bool dark = is_dark(of);
  switch (kind) {
    case PageKind::kHeld:
      return QColor(dark ? "#5b9bf5" : "#1f5fbf");
    case PageKind::kShared:
      return QColor(dark ? "#f0a540" : "#c46a00");
    case PageKind::kCached:
      return QColor(dark ? "#4f7f5a" : "#9fd3ad");
    case PageKind::kFromRam:
      return QColor(dark ? "#b58cf0" : "#7a3fd0");
    case PageKind::kFromDisk:
      return QColor(dark ? "#e07a9a" : "#b0174a");
    default:
      return QColor(dark ? "#3a3f47" : "#d3d8df");
  }
}

QString CacheMap::name(PageKind kind) {
  switch (kind) {
    case PageKind::kHeld:
      return tr("held by a branch");
    case PageKind::kShared:
      return tr("shared by branches");
    case PageKind::kCached:
      return tr("cached, to be found again");
    case PageKind::kFromRam:
      return tr("came from RAM");
    case PageKind::kFromDisk:
      return tr("came from disk");
    default:
      return tr("free");
  }
}

void CacheMap::show_view(const CacheView& view) {
  view_ = view;
  kinds_ = page_kinds(view);
  const PageCounts counts = count_pages(kinds_);
  QStringList said;
  for (int i = 0; i < static_cast<int>(PageKind::kKinds); ++i)
    if (counts.of[i] > 0) said.push_back(tr("%1 %2").arg(counts.of[i]).arg(name(static_cast<PageKind>(i))));
  setAccessibleDescription(said.join(QStringLiteral(", ")));
  update();
}

void CacheMap::mark(std::vector<std::uint32_t> pages) {
  marked_ = std::move(pages);
  update();
}

// The largest squares with which all pages fit.
int CacheMap::side() const {
  const double area = static_cast<double>(width()) * height();
  const auto pages = static_cast<double>(std::max<std::size_t>(kinds_.size(), 1));
  int side = std::clamp(static_cast<int>(std::sqrt(area / pages)), 2, 22);
  while (side > 2 && (width() / side) * (height() / side) < static_cast<int>(kinds_.size())) --side;
  return side;
}

int CacheMap::columns() const { return std::max(1, width() / side()); }

void CacheMap::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  const int size = side(), across = columns(), gap = size > 5 ? 1 : 0;
  for (std::size_t i = 0; i < kinds_.size(); ++i) {
    const int x = static_cast<int>(i) % across * size, y = static_cast<int>(i) / across * size;
    painter.fillRect(x, y, size - gap, size - gap, colour(kinds_[i], this));
    if (std::find(marked_.begin(), marked_.end(), i) == marked_.end()) continue;
    painter.setPen(QPen(palette().color(QPalette::WindowText), std::max(1, size / 6)));
    painter.drawRect(QRectF(x, y, size - gap, size - gap).adjusted(1, 1, -1, -1));
  }
}

bool CacheMap::event(QEvent* event) {
  if (event->type() != QEvent::ToolTip) return QWidget::event(event);
  const auto* help = static_cast<QHelpEvent*>(event);
  const int index = help->y() / side() * columns() + help->x() / side();
  if (index < 0 || static_cast<std::size_t>(index) >= kinds_.size()) {
    QToolTip::hideText();
    return true;
  }
  QString text = tr("Page %1: %2").arg(index).arg(name(kinds_[static_cast<std::size_t>(index)]));
  for (const PumiceKvPage& page : view_.pages)
    if (page.page == static_cast<std::uint32_t>(index))
      text += QLatin1Char('\n') + tr("Tokens %1 to %2 of its text, in %3 branches, found again %4 times")
                                      .arg(page.position)
                                      .arg(page.position + view_.stats.page_tokens - 1)
                                      .arg(page.sequences)
                                      .arg(page.uses);
  for (const CacheView::Held& held : view_.held)
    for (const HeldMessage& message : held.messages) {
      const std::vector<std::uint32_t> pages = pages_of(message, held.pages, view_.stats.page_tokens);
      if (std::find(pages.begin(), pages.end(), static_cast<std::uint32_t>(index)) != pages.end())
        text += QLatin1Char('\n') + short_text(message);
    }
  QToolTip::showText(help->globalPos(), text, this);
  return true;
}

}  // namespace pumice_chat
