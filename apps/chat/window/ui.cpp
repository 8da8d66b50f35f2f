#include "chat/window/ui.h"

#include <QCoreApplication>
#include <QDesktopServices>
#include <QLocale>
#include <QMessageBox>
#include <QUrl>

namespace pumice_chat {

QToolButton* sign_button(QWidget* parent, const QString& sign, const QString& name) {
  auto* button = new QToolButton(parent);
  button->setText(sign);
  button->setToolTip(name);
  button->setAccessibleName(name);
  button->setAutoRaise(true);
  button->setFocusPolicy(Qt::TabFocus);
  return button;
}

QLabel* small_label(QWidget* parent, const QString& text) {
  auto* label = new QLabel(text, parent);
  QFont font = label->font();
  font.setPointSizeF(font.pointSizeF() * 0.85);
  label->setFont(font);
  label->setForegroundRole(QPalette::PlaceholderText);
  return label;
}

QString bytes_text(std::uint64_t bytes) {
  return QLocale().formattedDataSize(static_cast<qint64>(bytes), 1, QLocale::DataSizeTraditionalFormat);
}

QFrame* line(QWidget* parent) {
  auto* frame = new QFrame(parent);
  frame->setFrameShape(QFrame::HLine);
  frame->setForegroundRole(QPalette::Mid);
  return frame;
}

void open_link(QWidget* parent, const QString& url) {
  const QUrl to = QUrl::fromUserInput(url);
  const QString scheme = to.scheme().toLower();
  if (scheme != QLatin1String("http") && scheme != QLatin1String("https") && scheme != QLatin1String("mailto")) return;
  QMessageBox ask(QMessageBox::Question, QCoreApplication::translate("Link", "Open this link?"),
                  QCoreApplication::translate("Link", "The text links to:\n\n%1\n\nOpen it in the browser?")
                      .arg(to.toDisplayString()),
                  QMessageBox::Yes | QMessageBox::No, parent);
  ask.setTextFormat(Qt::PlainText);
  ask.setDefaultButton(QMessageBox::No);
  if (ask.exec() == QMessageBox::Yes) QDesktopServices::openUrl(to);
}

}  // namespace pumice_chat
