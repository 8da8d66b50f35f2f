#include "chat/window/segment_widgets.h"

#include <QAbstractTextDocumentLayout>
#include <QClipboard>
#include <QEvent>
#include <QFontDatabase>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QLabel>
#include <QScrollBar>
#include <QTextDocument>
#include <QTextFrame>
#include <QTextTable>
#include <QTimer>
#include <QVBoxLayout>
#include <QWheelEvent>
#include <algorithm>
#include <cmath>

#include "chat/window/highlighter.h"
#include "chat/window/ui.h"

namespace pumice_chat {

namespace {

// Qt's own tables have no lines between their cells.
void style_tables(QTextDocument* document) {
  for (QTextFrame* frame : document->rootFrame()->childFrames()) {
    auto* table = qobject_cast<QTextTable*>(frame);
    if (!table) continue;
    QTextTableFormat format = table->format();
    format.setBorder(1);
    format.setBorderStyle(QTextFrameFormat::BorderStyle_Solid);
    format.setBorderCollapse(true);
    format.setCellPadding(4);
    table->setFormat(format);
  }
}

}  // namespace

bool is_dark(const QWidget* widget) { return widget->palette().color(QPalette::Base).lightness() < 128; }

TextPiece::TextPiece(QWidget* parent) : QTextBrowser(parent) {
  setFrameShape(QFrame::NoFrame);
  setOpenLinks(false);
  setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  setFocusPolicy(Qt::ClickFocus);
  viewport()->setAutoFillBackground(false);
  document()->setDocumentMargin(0);
  setAccessibleName(tr("Text"));
  connect(this, &QTextBrowser::anchorClicked, this, [this](const QUrl& url) { Q_EMIT link(url.toString()); });
}

QVariant TextPiece::loadResource(int, const QUrl&) { return {}; }

void TextPiece::set_markdown(const QString& text) {
  if (markdown_ && text == text_) return;
  text_ = text;
  markdown_ = true;
  show_text();
}

void TextPiece::set_plain(const QString& text) {
  text_ = text;
  markdown_ = false;
  show_text();
}

void TextPiece::show_text() {
  if (markdown_) {
    document()->setMarkdown(
        text_, QTextDocument::MarkdownFeatures(QTextDocument::MarkdownDialectGitHub) | QTextDocument::MarkdownNoHTML);
    style_tables(document());
  } else {
    setPlainText(text_);
  }
  fit();
}

void TextPiece::fit() {
  document()->setTextWidth(viewport()->width());
  setFixedHeight(static_cast<int>(std::ceil(document()->size().height())) + 2);
}

void TextPiece::resizeEvent(QResizeEvent* event) {
  QTextBrowser::resizeEvent(event);
  if (event->oldSize().width() != event->size().width()) fit();
}

void TextPiece::wheelEvent(QWheelEvent* event) { event->ignore(); }

void TextPiece::changeEvent(QEvent* event) {
  QTextBrowser::changeEvent(event);
  if (event->type() == QEvent::FontChange || event->type() == QEvent::PaletteChange) fit();
}

CodePiece::CodePiece(QWidget* parent, const QString& language) : QFrame(parent), language_(language) {
  setFrameShape(QFrame::StyledPanel);
  setAutoFillBackground(true);
  setBackgroundRole(QPalette::AlternateBase);
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(8, 2, 4, 4);
  column->setSpacing(0);
  auto* row = new QHBoxLayout;
  row->addWidget(small_label(this, language.isEmpty() ? tr("code") : language));
  row->addStretch();
  copy_ = sign_button(this, tr("Copy"), tr("Copy this code"));
  row->addWidget(copy_);
  column->addLayout(row);
  code_ = new QPlainTextEdit(this);
  code_->setReadOnly(true);
  code_->setFrameShape(QFrame::NoFrame);
  code_->setLineWrapMode(QPlainTextEdit::NoWrap);
  code_->setVerticalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  code_->setFont(QFontDatabase::systemFont(QFontDatabase::FixedFont));
  code_->setFocusPolicy(Qt::ClickFocus);
  code_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
  code_->setAccessibleName(language.isEmpty() ? tr("Code") : tr("Code, %1").arg(language));
  QPalette palette = code_->palette();
  palette.setColor(QPalette::Base, Qt::transparent);
  code_->setPalette(palette);
  code_->document()->setDocumentMargin(2);
  new Highlighter(code_->document(), language, is_dark(this));
  column->addWidget(code_);
  connect(copy_, &QToolButton::clicked, this, [this] {
    QGuiApplication::clipboard()->setText(shown_);
    copy_->setText(tr("Copied"));
    QTimer::singleShot(1500, copy_, [this] { copy_->setText(tr("Copy")); });
  });
}

// Only what is new is set, so that what is there keeps its colours.
void CodePiece::set_code(const QString& code) {
  if (code == shown_) return;
  if (!shown_.isEmpty() && code.startsWith(shown_)) {
    QTextCursor end(code_->document());
    end.movePosition(QTextCursor::End);
    QString fresh = code.mid(shown_.size());
    // The last line's end is not shown.
    if (shown_.endsWith(QLatin1Char('\n'))) fresh.prepend(QLatin1Char('\n'));
    if (code.endsWith(QLatin1Char('\n'))) fresh.chop(1);
    end.insertText(fresh);
  } else {
    code_->setPlainText(code.endsWith(QLatin1Char('\n')) ? code.chopped(1) : code);
  }
  shown_ = code;
  fit();
}

// With room for the bar where a line is wider than the piece.
void CodePiece::fit() {
  const int lines = std::max(1, code_->document()->blockCount());
  const bool wide = code_->document()->idealWidth() > code_->viewport()->width();
  const int bar = wide ? code_->horizontalScrollBar()->sizeHint().height() : 0;
  code_->setFixedHeight(lines * code_->fontMetrics().lineSpacing() + bar + 10);
}

void CodePiece::resizeEvent(QResizeEvent* event) {
  QFrame::resizeEvent(event);
  fit();
}

void CodePiece::changeEvent(QEvent* event) {
  QFrame::changeEvent(event);
  if (event->type() == QEvent::FontChange) fit();
}

}  // namespace pumice_chat
