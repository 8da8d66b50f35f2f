#include "chat/window/models_page.h"

#include <QCheckBox>
#include <QComboBox>
#include <QFileDialog>
#include <QGroupBox>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QLineEdit>
#include <QProgressBar>
#include <QPushButton>
#include <QSettings>
#include <QTreeWidget>
#include <QVBoxLayout>
#include <algorithm>

#include "chat/window/ui.h"

namespace pumice_chat {

namespace {

constexpr int kPath = Qt::UserRole;
constexpr std::uint32_t kContexts[] = {0, 2048, 4096, 8192, 16384, 32768, 65536, 131072};

QString store_name(const std::string& store) {
  if (store == "bundled") return ModelsPage::tr("bundled");
  if (store == "huggingface") return QStringLiteral("Hugging Face");
  if (store == "ollama") return QStringLiteral("Ollama");
  if (store == "lmstudio") return QStringLiteral("LM Studio");
  return ModelsPage::tr("folder");
}

}  // namespace

ModelsPage::ModelsPage(QWidget* parent, Controller* controller, const Post& post)
    : QWidget(parent),
      controller_(controller),
      catalog_(post),
      hub_(
          post,
          [this](const HubProgress& news) {
            progress_->setRange(0, 1000);
            progress_->setValue(news.total > 0 ? static_cast<int>(1000 * news.done / news.total) : 0);
            progress_->setFormat(tr("%1 of %2").arg(bytes_text(news.done), bytes_text(news.total)));
          },
          [this](const HubEnd& end) { download_ended(end); }) {
  auto* column = new QVBoxLayout(this);
  auto* head = new QLabel(tr("Models on this machine, read where they lie: nothing is copied."), this);
  head->setWordWrap(true);
  column->addWidget(head);
  list_ = new QTreeWidget(this);
  list_->setAccessibleName(tr("Models"));
  list_->setHeaderLabels({tr("Model"), tr("From"), tr("File"), tr("Needs on the device"), tr("Fits")});
  list_->setRootIsDecorated(false);
  list_->setUniformRowHeights(true);
  list_->setAllColumnsShowFocus(true);
  list_->header()->setSectionResizeMode(QHeaderView::ResizeToContents);
  list_->header()->setSectionResizeMode(0, QHeaderView::Stretch);
  list_->header()->setStretchLastSection(false);
  column->addWidget(list_, 1);
  about_ = new QLabel(this);
  about_->setTextFormat(Qt::PlainText);
  about_->setWordWrap(true);
  about_->setMinimumHeight(about_->fontMetrics().lineSpacing() * 3);
  about_->setAlignment(Qt::AlignTop | Qt::AlignLeading);
  column->addWidget(about_);
  column->addLayout(build_choice());
  build_download(column);
  connect(list_, &QTreeWidget::currentItemChanged, this, &ModelsPage::show_choice);
  connect(list_, &QTreeWidget::itemActivated, this, &ModelsPage::load);
}

QBoxLayout* ModelsPage::build_choice() {
  auto* row = new QHBoxLayout;
  device_ = new QComboBox(this);
  device_->setAccessibleName(tr("Device"));
  context_ = new QComboBox(this);
  context_->setAccessibleName(tr("Room for tokens"));
  for (const std::uint32_t tokens : kContexts)
    context_->addItem(tokens == 0 ? tr("as much as fits well") : tr("%1 tokens").arg(tokens), tokens);
  load_ = new QPushButton(tr("Load"), this);
  auto* again = new QPushButton(tr("Look again"), this);
  auto* folder = new QPushButton(tr("Look in a folder…"), this);
  for (QWidget* widget : std::initializer_list<QWidget*>{new QLabel(tr("Device:"), this), device_,
                                                         new QLabel(tr("Room for:"), this), context_, load_})
    row->addWidget(widget);
  row->addStretch();
  row->addWidget(folder);
  row->addWidget(again);
  connect(load_, &QPushButton::clicked, this, &ModelsPage::load);
  connect(again, &QPushButton::clicked, this, &ModelsPage::refresh);
  connect(folder, &QPushButton::clicked, this, &ModelsPage::choose_folder);
  connect(context_, &QComboBox::currentIndexChanged, this, [this] {
    details_.clear();
    show_models(models_);
  });
  return row;
}

// Offline by default: nothing connects anywhere until the user has said so, once, and asks for a download.
void ModelsPage::build_download(QVBoxLayout* column) {
  offline_ = new QCheckBox(tr("Offline: this program makes no connection, ever"), this);
  offline_->setChecked(QSettings().value(QStringLiteral("offline"), true).toBool());
  column->addWidget(offline_);
  net_ = new QGroupBox(tr("Download from Hugging Face"), this);
  auto* row = new QHBoxLayout(net_);
  repository_ = new QLineEdit(net_);
  repository_->setAccessibleName(tr("Repository"));
  repository_->setPlaceholderText(QStringLiteral("OWNER/NAME-GGUF:Q4_K_M"));
  download_ = new QPushButton(tr("Download"), net_);
  pause_ = new QPushButton(tr("Pause"), net_);
  pause_->setEnabled(false);
  progress_ = new QProgressBar(net_);
  progress_->setAccessibleName(tr("Download"));
  progress_->setRange(0, 1000);
  row->addWidget(repository_, 2);
  row->addWidget(download_);
  row->addWidget(pause_);
  row->addWidget(progress_, 1);
  column->addWidget(net_);
  net_->setVisible(!offline_->isChecked());
  connect(offline_, &QCheckBox::toggled, this, [this](bool on) {
    QSettings().setValue(QStringLiteral("offline"), on);
    if (on) hub_.pause();
    net_->setVisible(!on);
  });
  connect(download_, &QPushButton::clicked, this, &ModelsPage::download);
  connect(repository_, &QLineEdit::returnPressed, this, &ModelsPage::download);
  connect(pause_, &QPushButton::clicked, this, [this] { hub_.pause(); });
}

bool ModelsPage::offline() const { return offline_->isChecked(); }

void ModelsPage::refresh() {
  catalog_.list(s(QSettings().value(QStringLiteral("models_folder")).toString()),
                [this](const std::vector<pumice_apps::StoredModel>& models) { show_models(models); });
}

void ModelsPage::show_models(const std::vector<pumice_apps::StoredModel>& models) {
  const QString before = list_->currentItem() ? list_->currentItem()->data(0, kPath).toString() : QString();
  models_ = models;
  list_->clear();
  to_look_at_.clear();
  for (const pumice_apps::StoredModel& model : models_) {
    auto* item =
        new QTreeWidgetItem({q(model.name), store_name(model.store), bytes_text(model.bytes), QString(), QString()});
    item->setData(0, kPath, q(model.path));
    item->setToolTip(0, q(model.path));
    if (!model.problem.empty()) {
      item->setText(3, tr("cannot be opened"));
      item->setToolTip(3, q(model.problem));
      details_[model.path].problem = model.problem;
    }
    list_->addTopLevelItem(item);
    if (q(model.path) == before) list_->setCurrentItem(item);
    if (const auto known = details_.find(model.path); known != details_.end())
      show_details(item, known->second);
    else
      to_look_at_.push_back(model.path);
  }
  if (!list_->currentItem() && list_->topLevelItemCount() > 0) list_->setCurrentItem(list_->topLevelItem(0));
  std::reverse(to_look_at_.begin(), to_look_at_.end());
  look_at_next();
}

// One after the other, so that a new list does not wait for the whole of the old one.
void ModelsPage::look_at_next() {
  if (to_look_at_.empty()) return;
  const std::string path = to_look_at_.back();
  to_look_at_.pop_back();
  catalog_.look(path, context_->currentData().toUInt(), [this, path](const ModelDetails& details) {
    details_[path] = details;
    for (int i = 0; i < list_->topLevelItemCount(); ++i)
      if (s(list_->topLevelItem(i)->data(0, kPath).toString()) == path) show_details(list_->topLevelItem(i), details);
    show_choice();
    look_at_next();
  });
}

std::uint64_t ModelsPage::room() const {
  const int at = device_->currentIndex();
  const auto& devices = controller_->devices();
  for (const DeviceFacts& device : devices)
    if ((at <= 0 && device.is_default) || (at > 0 && device.selector == s(device_->currentData().toString())))
      return device.memory_bytes;
  return 0;
}

void ModelsPage::show_details(QTreeWidgetItem* item, const ModelDetails& details) {
  if (!details.problem.empty()) {
    item->setText(3, tr("cannot be opened"));
    return;
  }
  item->setText(3, bytes_text(details.total()));
  const std::uint64_t has = room();
  item->setText(4, has == 0 ? QString() : details.total() <= has ? tr("yes") : tr("in part: slower"));
}

void ModelsPage::show_choice() {
  const QTreeWidgetItem* item = list_->currentItem();
  load_->setEnabled(item != nullptr);
  if (!item) return about_->clear();
  const auto at = details_.find(s(item->data(0, kPath).toString()));
  if (at == details_.end()) return about_->setText(tr("Reading…"));
  const ModelDetails& d = at->second;
  load_->setEnabled(d.problem.empty());
  if (!d.problem.empty()) return about_->setText(q(d.problem));
  QString text = tr("%1, %2 parameters, made for %3 tokens; weights %4, keys and values %5, working memory %6.")
                     .arg(q(d.architecture), QLocale().toString(static_cast<qulonglong>(d.parameters)))
                     .arg(d.context_tokens)
                     .arg(bytes_text(d.weights), bytes_text(d.kv), bytes_text(d.workspace));
  if (!d.talks) text += QLatin1Char('\n') + tr("It was not taught to converse: it goes on with what you write.");
  if (const std::uint64_t has = room(); has > 0 && d.total() > has)
    text += QLatin1Char('\n') +
            tr("The device has %1 free: the last layers would stay in the host's memory.").arg(bytes_text(has));
  about_->setText(text);
}

void ModelsPage::load() {
  const QTreeWidgetItem* item = list_->currentItem();
  if (!item || !load_->isEnabled()) return;
  LoadOrder order;
  order.path = s(item->data(0, kPath).toString());
  for (const pumice_apps::StoredModel& model : models_)
    if (model.path == order.path) order.projector = model.projector;
  order.device = s(device_->currentData().toString());
  order.context_tokens = context_->currentData().toUInt();
  Q_EMIT wants_load(order);
}

void ModelsPage::choose_folder() {
  const QString folder = QFileDialog::getExistingDirectory(this, tr("Look in a folder"));
  if (folder.isEmpty()) return;
  QSettings().setValue(QStringLiteral("models_folder"), folder);
  refresh();
}

void ModelsPage::devices_changed() {
  device_->clear();
  device_->addItem(tr("the best"), QString());
  for (const DeviceFacts& device : controller_->devices())
    if (device.usable)
      device_->addItem(tr("%1, %2 free").arg(q(device.name), bytes_text(device.memory_bytes)), q(device.selector));
}

void ModelsPage::model_changed() {
  for (int i = 0; i < list_->topLevelItemCount(); ++i) {
    QTreeWidgetItem* item = list_->topLevelItem(i);
    const bool loaded = controller_->model_state() == ModelState::kLoaded &&
                        s(item->data(0, kPath).toString()) == controller_->model().path;
    QFont font = item->font(0);
    font.setBold(loaded);
    item->setFont(0, font);
    item->setData(0, Qt::AccessibleTextRole, loaded ? tr("%1, loaded").arg(item->text(0)) : item->text(0));
  }
}

void ModelsPage::download() {
  if (offline()) return;
  if (!Hub::available()) {
    Q_EMIT problem(tr("This build has no libcurl: install libcurl4-openssl-dev and build again."));
    return;
  }
  if (!hub_.begin(s(repository_->text().trimmed()))) {
    Q_EMIT problem(tr("Write OWNER/NAME, or OWNER/NAME:TYPE such as ggml-org/gemma-3-270m-it-GGUF:Q8_0."));
    return;
  }
  download_->setEnabled(false);
  pause_->setEnabled(true);
  progress_->setRange(0, 0);
}

void ModelsPage::download_ended(const HubEnd& end) {
  download_->setEnabled(true);
  pause_->setEnabled(false);
  progress_->setRange(0, 1000);
  using pumice_apps::DownloadEnd;
  if (end.end == DownloadEnd::kDone) {
    progress_->setValue(1000);
    return refresh();
  }
  const QString reason = q(end.reason);
  switch (end.end) {
    case DownloadEnd::kStopped:
      progress_->setFormat(tr("paused; Download goes on"));
      return;
    case DownloadEnd::kChanged:
    case DownloadEnd::kCorrupt:
      Q_EMIT problem(tr("%1. What had come was thrown away; Download tries again.").arg(reason));
      return;
    case DownloadEnd::kNotFound:
      Q_EMIT problem(tr("Not found: %1").arg(reason));
      return;
    default:
      Q_EMIT problem(tr("%1. What has come is kept; Download goes on with it.").arg(reason));
  }
}

}  // namespace pumice_chat
