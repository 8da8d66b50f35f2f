#include "chat/window/composer.h"

#include <QFile>
#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QMimeData>
#include <QPushButton>
#include <QUrl>
#include <QVBoxLayout>
#include <algorithm>
#include <utility>

#include "chat/window/background.h"
#include "chat/window/ui.h"
#include "common/utf8.h"

namespace pumice_chat {

namespace {
constexpr qint64 kMostBytes = 1 << 20;  // of a text file: far more than most models see
constexpr int kMostLines = 10;

bool is_picture(const QString& path) {
  const QString ending = QFileInfo(path).suffix().toLower();
  return ending == QLatin1String("png") || ending == QLatin1String("jpg") || ending == QLatin1String("jpeg") ||
         ending == QLatin1String("webp");
}

struct ReadFile {
  Attachment attachment;
  QString problem;
};

// Of a picture its place, of anything else its text.
ReadFile read_attachment(const QString& path) {
  ReadFile read;
  read.attachment.name = s(QFileInfo(path).fileName());
  if (is_picture(path)) {
    read.attachment.picture = s(QFileInfo(path).absoluteFilePath());
    return read;
  }
  QFile file(path);
  if (!file.open(QIODevice::ReadOnly)) {
    read.problem = Composer::tr("%1 cannot be read: %2").arg(path, file.errorString());
    return read;
  }
  const QByteArray bytes = file.read(kMostBytes + 1);
  read.attachment.text = bytes.toStdString();
  const std::string& text = read.attachment.text;
  if (bytes.size() > kMostBytes || pumice_apps::invalid_utf8_at(text) || text.find('\0') != std::string::npos)
    read.problem = Composer::tr("%1 is no text of at most 1 MiB (UTF-8).").arg(path);
  return read;
}

}  // namespace

ComposerText::ComposerText(QWidget* parent) : QPlainTextEdit(parent) {
  setTabChangesFocus(true);
  setPlaceholderText(tr("Write a message. Enter sends, Shift+Enter starts a new line."));
  setAccessibleName(tr("Message"));
  connect(this, &QPlainTextEdit::textChanged, this, &ComposerText::fit);
  fit();
}

void ComposerText::fit() {
  const int lines = std::clamp(document()->lineCount(), 2, kMostLines);
  setFixedHeight(lines * fontMetrics().lineSpacing() + 14);
}

void ComposerText::keyPressEvent(QKeyEvent* event) {
  const bool enter = event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter;
  if (enter && (event->modifiers() & ~Qt::KeypadModifier) == Qt::NoModifier) {
    Q_EMIT sent();
    return;
  }
  QPlainTextEdit::keyPressEvent(event);
}

bool ComposerText::canInsertFromMimeData(const QMimeData* dropped) const {
  return dropped->hasUrls() || QPlainTextEdit::canInsertFromMimeData(dropped);
}

void ComposerText::insertFromMimeData(const QMimeData* dropped) {
  QStringList paths;
  for (const QUrl& url : dropped->urls())
    if (url.isLocalFile()) paths.push_back(url.toLocalFile());
  if (paths.isEmpty()) return QPlainTextEdit::insertFromMimeData(dropped);
  Q_EMIT files(paths);
}

Composer::Composer(QWidget* parent) : QFrame(parent) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(8, 4, 8, 6);
  column->setSpacing(4);
  auto* editing_row = new QHBoxLayout;
  editing_ = small_label(this);
  cancel_ = sign_button(this, tr("Cancel"), tr("Do not edit"));
  editing_row->addWidget(editing_);
  editing_row->addWidget(cancel_);
  editing_row->addStretch();
  column->addLayout(editing_row);
  files_ = new QHBoxLayout;
  files_->addStretch();
  column->addLayout(files_);
  auto* row = new QHBoxLayout;
  attach_ = sign_button(this, QStringLiteral("＋"), tr("Attach files"));
  text_ = new ComposerText(this);
  send_ = new QPushButton(tr("Send"), this);
  send_->setToolTip(tr("Send the message (Enter)"));
  stop_ = new QPushButton(tr("Stop"), this);
  stop_->setToolTip(tr("Stop the reply (Esc)"));
  row->addWidget(attach_, 0, Qt::AlignBottom);
  row->addWidget(text_, 1);
  row->addWidget(send_, 0, Qt::AlignBottom);
  row->addWidget(stop_, 0, Qt::AlignBottom);
  column->addLayout(row);
  connect(text_, &ComposerText::sent, this, &Composer::send);
  connect(text_, &ComposerText::files, this, &Composer::attach);
  connect(text_, &QPlainTextEdit::textChanged, this, &Composer::changed);
  connect(send_, &QPushButton::clicked, this, &Composer::send);
  connect(stop_, &QPushButton::clicked, this, &Composer::wants_stop);
  connect(attach_, &QToolButton::clicked, this, &Composer::choose_files);
  connect(cancel_, &QToolButton::clicked, this, [this] {
    set_editing({});
    text_->clear();
    Q_EMIT editing_ended();
  });
  set_running(false);
  set_editing({});
}

void Composer::set_running(bool running) { stop_->setVisible(running); }

void Composer::set_may_send(bool may) {
  may_send_ = may;
  send_->setEnabled(may);
}

void Composer::set_editing(const QString& note) {
  editing_->setText(note);
  editing_->setVisible(!note.isEmpty());
  cancel_->setVisible(!note.isEmpty());
}

void Composer::set_text(const QString& text, const std::vector<Attachment>& attachments) {
  text_->setPlainText(text);
  text_->moveCursor(QTextCursor::End);
  attachments_ = attachments;
  show_attachments();
}

void Composer::send() {
  const QString text = text_->toPlainText();
  if (!may_send_ || (text.trimmed().isEmpty() && attachments_.empty())) return;
  const std::vector<Attachment> attachments = std::exchange(attachments_, {});
  text_->clear();
  show_attachments();
  Q_EMIT wants_send(text, attachments);
}

void Composer::choose_files() { attach(QFileDialog::getOpenFileNames(this, tr("Attach files"))); }

void Composer::attach(const QStringList& paths) {
  for (const QString& path : paths) {
    if (is_picture(path) && !sees_) {
      Q_EMIT problem(tr("%1: this model sees no pictures. Load one with a projector (mmproj).").arg(path));
      continue;
    }
    in_background(
        this, [path] { return read_attachment(path); },
        [this](const ReadFile& file) {
          if (!file.problem.isEmpty()) {
            Q_EMIT problem(file.problem);
            return;
          }
          attachments_.push_back(file.attachment);
          show_attachments();
          Q_EMIT changed();
        });
  }
}

void Composer::show_attachments() {
  while (files_->count() > 1) {
    QLayoutItem* item = files_->takeAt(0);
    item->widget()->deleteLater();
    delete item;
  }
  for (std::size_t i = 0; i < attachments_.size(); ++i) {
    const QString name = q(attachments_[i].name);
    auto* button = sign_button(this, name + QStringLiteral(" ×"), tr("Take %1 away").arg(name));
    button->setAutoRaise(false);
    files_->insertWidget(static_cast<int>(i), button);
    connect(button, &QToolButton::clicked, this, [this, i] {
      attachments_.erase(attachments_.begin() + static_cast<std::ptrdiff_t>(i));
      show_attachments();
    });
  }
}

}  // namespace pumice_chat
