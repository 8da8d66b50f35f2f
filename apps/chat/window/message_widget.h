// One message of a chat on the screen.
#pragma once

#include <QFrame>
#include <QPointer>
#include <QString>
#include <vector>

#include "chat/core/engine_types.h"
#include "chat/core/segments.h"
#include "chat/core/types.h"

class QLabel;
class QToolButton;
class QVBoxLayout;
class QTimer;

namespace pumice_chat {

class TextPiece;

class MessageWidget : public QFrame {
  Q_OBJECT
 public:
  MessageWidget(QWidget* parent, const Message& message);

  Id id() const { return id_; }
  // Text that was added at the end, state, figures. progress: of a reply that runs, else nullptr.
  void update_from(const Message& message, const ReplyNews* progress);
  // Which of how many answers or questions this one is; count 1: nothing is shown.
  void set_branches(std::size_t place, std::size_t count);

 Q_SIGNALS:
  void wants_copy(pumice_chat::Id id);
  void wants_edit(pumice_chat::Id id);
  void wants_regenerate(pumice_chat::Id id);
  void wants_branch(pumice_chat::Id id, int step);
  void wants_menu(pumice_chat::Id id, QWidget* at);
  void wants_stop(pumice_chat::Id id);
  void link(const QString& url);

 private:
  void add_header(QVBoxLayout* column, const Message& message);
  void add_attachments(QVBoxLayout* column, const Message& message);
  void show_pieces(std::size_t first);
  void show_reasoning(const Message& message);
  void show_status(const Message& message, const ReplyNews* progress);
  void fill_on();
  static QString figures_text(const Message& message);

  Id id_;
  bool user_, streaming_ = false, finished_ = false;
  Segments segments_;
  std::string pending_;    // text that is not in the pieces yet
  std::size_t taken_ = 0;  // bytes of the message that were handed on
  std::vector<QWidget*> pieces_;
  QVBoxLayout* body_;
  QToolButton *reasoning_button_ = nullptr, *stop_ = nullptr, *previous_ = nullptr, *next_ = nullptr;
  TextPiece* reasoning_ = nullptr;
  std::size_t reasoning_bytes_ = 0;
  QLabel *status_ = nullptr, *figures_ = nullptr, *place_ = nullptr, *role_ = nullptr;
  QTimer* filling_;
};

}  // namespace pumice_chat
