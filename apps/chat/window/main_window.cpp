#include "chat/window/main_window.h"

#include <QApplication>
#include <QCloseEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QProgressBar>
#include <QPushButton>
#include <QSettings>
#include <QSplitter>
#include <QStackedWidget>
#include <QStatusBar>
#include <QTimer>
#include <QVBoxLayout>

#include "chat/window/bench_page.h"
#include "chat/window/cache_page.h"
#include "chat/window/chat_list.h"
#include "chat/window/chat_page.h"
#include "chat/window/composer.h"
#include "chat/window/message_list.h"
#include "chat/window/models_page.h"
#include "chat/window/settings_panel.h"
#include "chat/window/theme.h"
#include "chat/window/ui.h"
#include "common/start.h"

namespace pumice_chat {

namespace {
constexpr int kRetryMs = 5000;
}

MainWindow::MainWindow(const WindowOptions& options) : options_(options), retry_(new QTimer(this)) {
  setWindowTitle(tr("Pumice Chat"));
  theme_ = new Theme(this);
  controller_ = std::make_unique<Controller>(s(options.database), poster_.post(), this);
  build();
  make_actions();
  restore_state();
  retry_->setInterval(kRetryMs);
  connect(retry_, &QTimer::timeout, this, [this] { controller_->retry_unsaved(); });
  QString model = options.model;
  if (model.isEmpty()) model = QSettings().value(QStringLiteral("model")).toString();
  if (model.isEmpty() || !QFileInfo::exists(model)) model = q(pumice_apps::bundled_model());
  if (model.isEmpty()) return;
  LoadOrder order;
  order.path = s(model);
  order.device = s(options_.device);
  load_model(order);
}

MainWindow::~MainWindow() = default;

void MainWindow::build() {
  auto* split = new QSplitter(this);
  split->setObjectName(QStringLiteral("split"));
  split->setChildrenCollapsible(false);
  list_ = new ChatList(split, controller_.get());
  auto* middle = new QWidget(split);
  auto* column = new QVBoxLayout(middle);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(0);
  pages_row_ = new QHBoxLayout;
  pages_row_->setContentsMargins(8, 4, 8, 2);
  column->addLayout(pages_row_);
  build_banner(middle, column);
  pages_ = new QStackedWidget(middle);
  chat_ = new ChatPage(pages_, controller_.get());
  models_ = new ModelsPage(pages_, controller_.get(), poster_.post());
  cache_ = new CachePage(pages_, controller_.get());
  bench_ = new BenchPage(pages_);
  for (QWidget* page : std::initializer_list<QWidget*>{chat_, models_, cache_, bench_}) pages_->addWidget(page);
  column->addWidget(pages_, 1);
  settings_ = new SettingsPanel(split, controller_.get());
  for (QWidget* part : std::initializer_list<QWidget*>{list_, middle, settings_}) split->addWidget(part);
  split->setStretchFactor(1, 1);
  split->setSizes({240, 600, 230});
  settings_->hide();
  setCentralWidget(split);
  model_label_ = new QLabel(this);
  model_label_->setTextFormat(Qt::PlainText);
  loading_ = new QProgressBar(this);
  loading_->setMaximumWidth(160);
  loading_->setAccessibleName(tr("Loading the model"));
  loading_->hide();
  auto* cancel = new QPushButton(tr("Cancel"), this);
  cancel->setAccessibleName(tr("Cancel loading the model"));
  cancel->hide();
  cancel_load_ = cancel;
  connect(cancel, &QPushButton::clicked, this, [this] { controller_->engine().cancel_load(); });
  statusBar()->addWidget(model_label_, 1);
  statusBar()->addPermanentWidget(loading_);
  statusBar()->addPermanentWidget(cancel);
  connect(list_, &ChatList::wants_new, this, [this] {
    show_page(0);
    controller_->new_chat();
    chat_->focus_composer();
  });
  connect(list_, &ChatList::wants_open, this, [this](Id chat, Id message) {
    show_page(0);
    if (message == 0 && chat == controller_->open_chat()) return;
    controller_->open(chat, message);
    if (message != 0) QTimer::singleShot(100, chat_, [this, message] { chat_->messages()->scroll_to(message); });
  });
  connect(list_, &ChatList::wants_menu, this, &MainWindow::show_chat_menu);
  connect(chat_, &ChatPage::problem, this, [this](const QString& text) { banner(text); });
  connect(chat_, &ChatPage::about_to_reply, settings_, &SettingsPanel::flush);
  connect(models_, &ModelsPage::problem, this, [this](const QString& text) { banner(text); });
  connect(models_, &ModelsPage::wants_load, this, &MainWindow::load_model);
}

void MainWindow::build_banner(QWidget* parent, QVBoxLayout* column) {
  banner_ = new QFrame(parent);
  banner_->setAutoFillBackground(true);
  banner_->setBackgroundRole(QPalette::ToolTipBase);
  auto* row = new QHBoxLayout(banner_);
  banner_text_ = new QLabel(banner_);
  banner_text_->setTextFormat(Qt::PlainText);
  banner_text_->setWordWrap(true);
  banner_text_->setForegroundRole(QPalette::ToolTipText);
  banner_text_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
  banner_text_->setAccessibleName(tr("Notice"));
  auto* again = new QPushButton(tr("Try again"), banner_);
  banner_retry_ = again;
  auto* close = sign_button(banner_, QStringLiteral("×"), tr("Close this notice"));
  row->addWidget(banner_text_, 1);
  row->addWidget(again);
  row->addWidget(close);
  banner_->hide();
  column->addWidget(banner_);
  connect(again, &QPushButton::clicked, this, [this] { controller_->retry_unsaved(); });
  connect(close, &QToolButton::clicked, banner_, &QWidget::hide);
}

void MainWindow::banner(const QString& text, bool retry) {
  banner_text_->setText(text);
  banner_retry_->setVisible(retry);
  banner_->setVisible(!text.isEmpty());
}

void MainWindow::show_page(int page) {
  pages_->setCurrentIndex(page);
  settings_->setVisible(page == 0 && settings_action_->isChecked());
  if (pages_->currentWidget() == models_) models_->refresh();
  if (page < page_actions_.size()) page_actions_[page]->setChecked(true);
}

// ---- What the controller tells ----

void MainWindow::on_store_opened(const OpenReport& report) {
  const QString path = q(report.path), reason = q(report.reason);
  switch (report.kind) {
    case OpenReport::Kind::kRestored:
      banner(tr("The file of the chats was damaged. It lies untouched in %1; %2 chats and %3 messages were read from "
                "it and are here.")
                 .arg(q(report.aside))
                 .arg(report.chats)
                 .arg(report.messages));
      break;
    case OpenReport::Kind::kReadOnly:
      banner(tr("%1 cannot be written (%2). You see what it has, and nothing new is kept. Make the file and its folder "
                "writable, or start with --data FOLDER.")
                 .arg(path, reason));
      break;
    case OpenReport::Kind::kMemory:
      banner(report.trouble == StoreTrouble::kNewer
                 ? tr("A later version of this program has written %1. It is left as it is, and nothing is kept now. "
                      "Use that version, or start with --data FOLDER.")
                       .arg(path)
                 : tr("Chats cannot be kept in %1 (%2): nothing is kept now. Make room or make the folder writable, or "
                      "start with --data FOLDER.")
                       .arg(path, reason));
      break;
    default:
      break;
  }
  if (first_shown_) return chat_->show_chat();
  first_shown_ = true;
  const Id last = QSettings().value(QStringLiteral("chat")).toLongLong();
  if (controller_->chat(last))
    controller_->open(last);
  else if (!controller_->chats().empty())
    controller_->open(controller_->chats().front().id);
  else
    controller_->new_chat();
  chat_->focus_composer();
}

QString MainWindow::trouble_text(const StoreWorker::Outcome& outcome) const {
  const QString path = options_.database;
  switch (outcome.trouble) {
    case StoreTrouble::kFull:
      return tr("The disk is full, so this could not be kept in %1. Make room there; it is tried again by itself.")
          .arg(path);
    case StoreTrouble::kReadOnly:
      return tr("%1 cannot be written. Make the file and its folder writable; it is tried again by itself.").arg(path);
    case StoreTrouble::kBusy:
      return tr("Another program has %1 open. Close it; it is tried again by itself.").arg(path);
    default:
      return tr("This could not be kept in %1: %2").arg(path, q(outcome.reason));
  }
}

void MainWindow::on_store_trouble(const StoreWorker::Outcome& outcome) {
  if (outcome.ok()) {
    retry_->stop();
    banner_->hide();
    return;
  }
  banner(trouble_text(outcome), true);
  retry_->start();
}

void MainWindow::on_not_sent(const std::string& text, const std::vector<Attachment>& attachments,
                             const StoreWorker::Outcome& outcome) {
  chat_->composer()->set_text(q(text), attachments);
  chat_->show_running();
  banner(trouble_text(outcome) + QLatin1Char(' ') + tr("Your message is still below: send it again."));
}

void MainWindow::on_chats() { list_->show_chats(); }

void MainWindow::on_shown() {
  chat_->show_chat();
  settings_->show_chat();
  list_->show_chats();
  const ChatInfo* chat = controller_->chat(controller_->open_chat());
  const QString title = chat && !chat->title.empty() ? q(chat->title) : tr("New chat");
  setWindowTitle(tr("%1 – Pumice Chat").arg(title));
}

void MainWindow::on_added(Id id) { chat_->added(id); }
void MainWindow::on_grown(Id id) { chat_->grown(id); }
void MainWindow::on_devices() { models_->devices_changed(); }

void MainWindow::on_model() {
  const ModelFacts& model = controller_->model();
  const bool loading = controller_->model_state() == ModelState::kLoading;
  loading_->setVisible(loading);
  cancel_load_->setVisible(loading);
  loading_->setRange(0, 1000);
  loading_->setValue(static_cast<int>(1000 * controller_->load_fraction()));
  switch (controller_->model_state()) {
    case ModelState::kLoaded:
      model_label_->setText(model.cpu ? tr("%1 on the CPU (%2); this is slow").arg(q(model.name), q(model.device))
                                      : tr("%1 on %2").arg(q(model.name), q(model.device)));
      QSettings().setValue(QStringLiteral("model"), q(model.path));
      break;
    case ModelState::kLoading:
      model_label_->setText(tr("Loading %1").arg(QFileInfo(q(model.path)).fileName()));
      break;
    case ModelState::kFailed:
      model_label_->setText(tr("No model"));
      banner(tr("%1 cannot be loaded: %2").arg(QFileInfo(q(model.path)).fileName(), q(controller_->model_problem())));
      break;
    default:
      model_label_->setText(tr("No model"));
  }
  if (loading) return;
  chat_->model_changed();
  models_->model_changed();
  settings_->show_chat();
  bench_->set_model(q(model.path));
}

void MainWindow::load_model(const LoadOrder& order) {
  banner({});
  controller_->load(order);
}

// ---- The window's state ----

void MainWindow::restore_state() {
  QSettings settings;
  if (const double points = settings.value(QStringLiteral("font")).toDouble(); points > 0) {
    QFont font = QApplication::font();
    font.setPointSizeF(points);
    QApplication::setFont(font);
  }
  if (!restoreGeometry(settings.value(QStringLiteral("geometry")).toByteArray())) resize(1080, 720);
  if (auto* split = findChild<QSplitter*>(QStringLiteral("split")))
    split->restoreState(settings.value(QStringLiteral("split")).toByteArray());
  settings_action_->setChecked(settings.value(QStringLiteral("settings_shown"), false).toBool());
  show_page(0);
}

void MainWindow::closeEvent(QCloseEvent* event) {
  QSettings settings;
  settings.setValue(QStringLiteral("geometry"), saveGeometry());
  if (auto* split = findChild<QSplitter*>(QStringLiteral("split")))
    settings.setValue(QStringLiteral("split"), split->saveState());
  settings_->flush();
  settings.setValue(QStringLiteral("settings_shown"), settings_action_->isChecked());
  settings.setValue(QStringLiteral("chat"), static_cast<qlonglong>(controller_->open_chat()));
  QMainWindow::closeEvent(event);
}

}  // namespace pumice_chat
