// Where a message is written: text, files that go with it, and the button that sends it.
#pragma once

#include <QFrame>
#include <QPlainTextEdit>
#include <vector>

#include "chat/core/types.h"

class QHBoxLayout;
class QLabel;
class QPushButton;
class QToolButton;

namespace pumice_chat {

// As high as its text, up to a third of the window. Enter sends, Shift+Enter starts a line.
class ComposerText : public QPlainTextEdit {
  Q_OBJECT
 public:
  explicit ComposerText(QWidget* parent);

 Q_SIGNALS:
  void sent();
  void files(const QStringList& paths);

 protected:
  void keyPressEvent(QKeyEvent* event) override;
  bool canInsertFromMimeData(const QMimeData* data) const override;
  void insertFromMimeData(const QMimeData* data) override;

 private:
  void fit();
};

class Composer : public QFrame {
  Q_OBJECT
 public:
  explicit Composer(QWidget* parent);

  void set_running(bool running);
  void set_may_send(bool may);  // else Enter and the button do nothing, and the text stays
  void set_sees(bool sees) { sees_ = sees; }
  QString text() const { return text_->toPlainText(); }
  void set_text(const QString& text, const std::vector<Attachment>& attachments);
  // Of a message that is edited; empty: none is.
  void set_editing(const QString& note);
  ComposerText* edit() const { return text_; }
  void attach(const QStringList& paths);
  void choose_files();
  void send();

 Q_SIGNALS:
  void wants_send(const QString& text, const std::vector<pumice_chat::Attachment>& attachments);
  void wants_stop();
  void changed();
  void editing_ended();
  void problem(const QString& text);

 private:
  void show_attachments();

  ComposerText* text_;
  QPushButton *send_, *stop_;
  QToolButton* attach_;
  QLabel* editing_;
  QToolButton* cancel_;
  QHBoxLayout* files_;
  std::vector<Attachment> attachments_;
  bool sees_ = false, may_send_ = true;
};

}  // namespace pumice_chat
