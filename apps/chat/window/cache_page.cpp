#include "chat/window/cache_page.h"

#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPushButton>
#include <QSettings>
#include <QSlider>
#include <QTimer>
#include <QTreeWidget>
#include <QVBoxLayout>
#include <algorithm>

#include "chat/window/cache_map.h"
#include "chat/window/ui.h"

namespace pumice_chat {

namespace {
constexpr int kLookMs = 200;
constexpr double kFrameUs = 16667;
}  // namespace

CachePage::CachePage(QWidget* parent, Controller* controller)
    : QWidget(parent), controller_(controller), timer_(new QTimer(this)) {
  auto* column = new QVBoxLayout(this);
  auto* head = new QLabel(tr("Keys and values of what the model has read, in pages. What two branches share is there "
                             "once; what no branch holds stays until the room is needed."),
                          this);
  head->setWordWrap(true);
  column->addWidget(head);
  map_ = new CacheMap(this);
  column->addWidget(map_, 2);
  legend_ = new QLabel(this);
  legend_->setWordWrap(true);
  legend_->setTextFormat(Qt::RichText);
  column->addWidget(legend_);
  facts_ = new QLabel(this);
  facts_->setWordWrap(true);
  facts_->setTextFormat(Qt::PlainText);
  column->addWidget(facts_);
  branches_ = new QTreeWidget(this);
  branches_->setAccessibleName(tr("Branches that are held"));
  branches_->setHeaderLabels({tr("Branch of"), tr("Tokens"), tr("State, or pages")});
  branches_->header()->setSectionResizeMode(0, QHeaderView::Stretch);
  branches_->header()->setStretchLastSection(false);
  column->addWidget(branches_, 1);
  auto* row = new QHBoxLayout;
  auto* label = new QLabel(tr("Leave the GPU to others:"), this);
  budget_ = new QSlider(Qt::Horizontal, this);
  budget_->setRange(0, 95);
  budget_->setPageStep(5);
  budget_->setAccessibleName(tr("Leave the GPU to others"));
  label->setBuddy(budget_);
  budget_text_ = new QLabel(this);
  budget_text_->setMinimumWidth(budget_text_->fontMetrics().averageCharWidth() * 44);
  auto* empty = new QPushButton(tr("Empty the cache"), this);
  row->addWidget(label);
  row->addWidget(budget_, 1);
  row->addWidget(budget_text_);
  row->addWidget(empty);
  column->addLayout(row);
  timer_->setInterval(kLookMs);
  connect(timer_, &QTimer::timeout, this, &CachePage::ask);
  connect(branches_, &QTreeWidget::currentItemChanged, this, &CachePage::mark_chosen);
  connect(empty, &QPushButton::clicked, this, [this] { controller_->engine().clear_cache(); });
  connect(budget_, &QSlider::valueChanged, this, &CachePage::show_budget);
  budget_->setValue(QSettings().value(QStringLiteral("leave"), 0).toInt());
  show_budget(budget_->value());
}

// In each sixtieth of a second, so much of the device's time is not used.
void CachePage::show_budget(int value) {
  const double used = kFrameUs * (100 - value) / 100;
  controller_->engine().set_frame(value == 0 ? 0 : used);
  budget_text_->setText(
      value == 0
          ? tr("all of it is used")
          : tr("%1 %: at most %2 ms of each 1/60 s are used").arg(value).arg(QLocale().toString(used / 1000, 'f', 1)));
  QSettings().setValue(QStringLiteral("leave"), value);
}

void CachePage::showEvent(QShowEvent* event) {
  QWidget::showEvent(event);
  ask();
  timer_->start();
}

void CachePage::hideEvent(QHideEvent* event) {
  QWidget::hideEvent(event);
  timer_->stop();
}

void CachePage::ask() {
  if (asked_) return;
  asked_ = true;
  controller_->engine().view([this](const CacheView& view) {
    asked_ = false;
    show_view(view);
  });
}

void CachePage::show_view(const CacheView& view) {
  view_ = view;
  map_->show_view(view);
  if (!view.known) {
    facts_->setText(controller_->model_state() == ModelState::kLoading ? tr("The model is being loaded.")
                                                                       : tr("No model is loaded."));
    legend_->clear();
    branches_->clear();
    return;
  }
  const PageCounts counts = count_pages(page_kinds(view));
  QString legend;
  for (int i = 0; i < static_cast<int>(PageKind::kKinds); ++i) {
    const auto kind = static_cast<PageKind>(i);
    legend += QStringLiteral("<span style='color:%1'>■</span> %2 %3&nbsp;&nbsp; ")
                  .arg(CacheMap::colour(kind, this).name())
                  .arg(counts.of[i])
                  .arg(CacheMap::name(kind).toHtmlEscaped());
  }
  legend_->setText(legend);
  const PumiceCacheStats& stats = view.stats;
  const std::uint64_t found = stats.hit_pages[0] + stats.hit_pages[1] + stats.hit_pages[2] + stats.hit_pages[3];
  QString text = tr("%1 pages of %2 tokens (%3); %4 of memory in use on the device.")
                     .arg(stats.pages_total)
                     .arg(stats.page_tokens)
                     .arg(bytes_text(stats.pages_total * stats.page_bytes), bytes_text(view.memory.used_bytes));
  text +=
      QLatin1Char('\n') + tr("Looked for %1 pages, found %2: %3 on the device, %4 in RAM, %5 on disk. About %6 s of "
                             "reading were saved.")
                              .arg(stats.looked_up_pages)
                              .arg(found)
                              .arg(stats.hit_pages[0])
                              .arg(stats.hit_pages[1])
                              .arg(stats.hit_pages[2])
                              .arg(QLocale().toString(stats.recompute_seconds_saved, 'f', 1));
  facts_->setText(text);
  show_branches();
}

namespace {

// The item at that place; what is open and chosen stays.
QTreeWidgetItem* row_at(QTreeWidgetItem* parent, int place, const QStringList& texts) {
  if (place >= parent->childCount()) new QTreeWidgetItem(parent);
  QTreeWidgetItem* row = parent->child(place);
  for (int column = 0; column < texts.size(); ++column)
    if (row->text(column) != texts[column]) row->setText(column, texts[column]);
  return row;
}

void cut_rows(QTreeWidgetItem* parent, int count) {
  while (parent->childCount() > count) delete parent->takeChild(count);
}

// "3, 5–8"
QString ranges(std::vector<std::uint32_t> pages) {
  std::sort(pages.begin(), pages.end());
  QStringList parts;
  for (std::size_t i = 0; i < pages.size();) {
    std::size_t last = i;
    while (last + 1 < pages.size() && pages[last + 1] == pages[last] + 1) ++last;
    parts.push_back(last == i ? QString::number(pages[i]) : QStringLiteral("%1–%2").arg(pages[i]).arg(pages[last]));
    i = last + 1;
  }
  return parts.join(QStringLiteral(", "));
}

}  // namespace

void CachePage::show_branches() {
  QTreeWidgetItem* root = branches_->invisibleRootItem();
  int place = 0;
  for (const CacheView::Held& held : view_.held) {
    const ChatInfo* chat = controller_->chat(held.chat);
    QTreeWidgetItem* item = row_at(root, place++,
                                   {chat && !chat->title.empty() ? q(chat->title) : tr("New chat"),
                                    QString::number(held.tokens), held.running ? tr("replies") : tr("waits")});
    int message = 0;
    for (const HeldMessage& one : held.messages)
      row_at(item, message++,
             {short_text(one), QString::number(one.end - one.first),
              ranges(pages_of(one, held.pages, view_.stats.page_tokens))});
    cut_rows(item, message);
  }
  cut_rows(root, place);
  mark_chosen();
}

// The pages of the chosen branch or message.
void CachePage::mark_chosen() {
  const QTreeWidgetItem* item = branches_->currentItem();
  const QTreeWidgetItem* branch = item && item->parent() ? item->parent() : item;
  const int place = branch ? branches_->invisibleRootItem()->indexOfChild(const_cast<QTreeWidgetItem*>(branch)) : -1;
  if (place < 0 || static_cast<std::size_t>(place) >= view_.held.size()) return map_->mark({});
  const CacheView::Held& held = view_.held[static_cast<std::size_t>(place)];
  if (item == branch) return map_->mark(held.pages);
  const auto message = static_cast<std::size_t>(branch->indexOfChild(const_cast<QTreeWidgetItem*>(item)));
  map_->mark(message < held.messages.size() ? pages_of(held.messages[message], held.pages, view_.stats.page_tokens)
                                            : std::vector<std::uint32_t>());
}

}  // namespace pumice_chat
