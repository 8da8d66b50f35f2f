// The pieces of a message on the screen: Markdown, and code with a button that copies it. Each is as high as its text.
#pragma once

#include <QFrame>
#include <QPlainTextEdit>
#include <QString>
#include <QTextBrowser>

class QLabel;
class QToolButton;

namespace pumice_chat {

// Loads nothing that a text names: no pictures, no files.
class TextPiece : public QTextBrowser {
  Q_OBJECT
 public:
  explicit TextPiece(QWidget* parent);
  void set_markdown(const QString& text);
  void set_plain(const QString& text);

 Q_SIGNALS:
  void link(const QString& url);

 protected:
  QVariant loadResource(int type, const QUrl& name) override;
  void resizeEvent(QResizeEvent* event) override;
  void wheelEvent(QWheelEvent* event) override;
  void changeEvent(QEvent* event) override;

 private:
  void fit();
  void show_text();
  QString text_;
  bool markdown_ = false;
};

class CodePiece : public QFrame {
  Q_OBJECT
 public:
  CodePiece(QWidget* parent, const QString& language);
  void set_code(const QString& code);

 protected:
  void changeEvent(QEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;

 private:
  void fit();
  QString language_, shown_;
  QPlainTextEdit* code_;
  QToolButton* copy_;
};

bool is_dark(const QWidget* widget);

}  // namespace pumice_chat
