#include "chat/window/message_widget.h"

#include <QCoreApplication>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QTimer>
#include <QToolButton>
#include <QVBoxLayout>
#include <algorithm>

#include "chat/window/segment_widgets.h"
#include "chat/window/ui.h"

namespace pumice_chat {

namespace {

// Of a long message, so much is shown in one go; the rest when the window has had its turn.
constexpr std::size_t kSlice = 16000;

QString state_text(const Message& message) {
  switch (message.state) {
    case State::kStopped:
      return QCoreApplication::translate("pumice_chat::MessageWidget", "Stopped by you.");
    case State::kInterrupted:
      return QCoreApplication::translate("pumice_chat::MessageWidget", "The program ended before this reply did.");
    case State::kFailed:
      return QCoreApplication::translate("pumice_chat::MessageWidget", "No reply: %1").arg(q(message.problem));
    case State::kLength:
      return QCoreApplication::translate("pumice_chat::MessageWidget", "Cut: this is as long as the settings allow.");
    case State::kFull:
      return QCoreApplication::translate("pumice_chat::MessageWidget", "Cut: the model's context is full.");
    default:
      return {};
  }
}

}  // namespace

QString MessageWidget::figures_text(const Message& message) {
  const ReplyFigures& f = message.figures;
  if (message.role != Role::kAssistant || f.tokens == 0) return {};
  const QLocale locale;
  QString text = tr("%n token(s)", "", static_cast<int>(f.tokens));
  if (f.tokens_per_second > 0) text += tr(" · %1 tokens/s").arg(locale.toString(f.tokens_per_second, 'f', 1));
  if (f.first_token_ms > 0) text += tr(" · first after %1 s").arg(locale.toString(f.first_token_ms / 1000, 'f', 2));
  if (f.prompt_tokens > 0)
    text += tr(" · prompt %1: %2 kept, %3 from the cache, %4 computed")
                .arg(f.prompt_tokens)
                .arg(f.held_tokens)
                .arg(f.cached_tokens)
                .arg(f.computed_tokens);
  return text;
}

MessageWidget::MessageWidget(QWidget* parent, const Message& message)
    : QFrame(parent), id_(message.id), user_(message.role == Role::kUser), filling_(new QTimer(this)) {
  setFrameShape(QFrame::NoFrame);
  setFocusPolicy(Qt::StrongFocus);
  setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Maximum);
  setAutoFillBackground(user_);
  if (user_) setBackgroundRole(QPalette::AlternateBase);
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(12, 6, 12, 8);
  column->setSpacing(4);
  add_header(column, message);
  add_attachments(column, message);
  body_ = new QVBoxLayout;
  body_->setSpacing(6);
  column->addLayout(body_);
  status_ = small_label(this);
  status_->setWordWrap(true);
  status_->hide();
  column->addWidget(status_);
  figures_ = small_label(this);
  figures_->setWordWrap(true);
  figures_->hide();
  column->addWidget(figures_);
  filling_->setInterval(0);
  connect(filling_, &QTimer::timeout, this, &MessageWidget::fill_on);
  update_from(message, nullptr);
}

void MessageWidget::add_header(QVBoxLayout* column, const Message& message) {
  auto* row = new QHBoxLayout;
  row->setSpacing(2);
  role_ = new QLabel(user_ ? tr("You") : message.model.empty() ? tr("Model") : q(message.model), this);
  role_->setTextFormat(Qt::PlainText);
  QFont bold = role_->font();
  bold.setBold(true);
  role_->setFont(bold);
  row->addWidget(role_);
  row->addStretch();
  previous_ = sign_button(this, QStringLiteral("‹"), tr("Previous branch"));
  place_ = small_label(this);
  next_ = sign_button(this, QStringLiteral("›"), tr("Next branch"));
  for (QWidget* widget : std::initializer_list<QWidget*>{previous_, place_, next_}) {
    row->addWidget(widget);
    widget->hide();
  }
  stop_ = sign_button(this, QStringLiteral("■"), tr("Stop this reply"));
  stop_->hide();
  row->addWidget(stop_);
  auto* copy = sign_button(this, tr("Copy"), tr("Copy this message"));
  auto* edit = sign_button(this, tr("Edit"), tr("Edit this message; the old one stays as a branch"));
  auto* again = sign_button(this, tr("Again"), tr("Another reply; the old one stays as a branch"));
  auto* more = sign_button(this, QStringLiteral("⋯"), tr("More for this message"));
  for (QToolButton* button : {copy, edit, again, more}) row->addWidget(button);
  column->addLayout(row);
  connect(previous_, &QToolButton::clicked, this, [this] { Q_EMIT wants_branch(id_, -1); });
  connect(next_, &QToolButton::clicked, this, [this] { Q_EMIT wants_branch(id_, 1); });
  connect(stop_, &QToolButton::clicked, this, [this] { Q_EMIT wants_stop(id_); });
  connect(copy, &QToolButton::clicked, this, [this] { Q_EMIT wants_copy(id_); });
  connect(edit, &QToolButton::clicked, this, [this] { Q_EMIT wants_edit(id_); });
  connect(again, &QToolButton::clicked, this, [this] { Q_EMIT wants_regenerate(id_); });
  connect(more, &QToolButton::clicked, this, [this, more] { Q_EMIT wants_menu(id_, more); });
}

void MessageWidget::add_attachments(QVBoxLayout* column, const Message& message) {
  QStringList names;
  for (const Attachment& attachment : message.attachments) names.push_back(q(attachment.name));
  if (names.isEmpty()) return;
  auto* label = small_label(this, tr("Attached: %1").arg(names.join(QStringLiteral(", "))));
  label->setTextFormat(Qt::PlainText);
  label->setWordWrap(true);
  column->addWidget(label);
}

void MessageWidget::set_branches(std::size_t place, std::size_t count) {
  const bool several = count > 1;
  for (QWidget* widget : std::initializer_list<QWidget*>{previous_, place_, next_}) widget->setVisible(several);
  place_->setText(QStringLiteral("%1/%2").arg(place).arg(count));
  place_->setAccessibleName(tr("Branch %1 of %2").arg(place).arg(count));
  previous_->setEnabled(place > 1);
  next_->setEnabled(place < count);
}

void MessageWidget::update_from(const Message& message, const ReplyNews* progress) {
  streaming_ = message.state == State::kStreaming;
  stop_->setVisible(streaming_);
  if (message.content.size() > taken_) {
    pending_.append(message.content, taken_);
    taken_ = message.content.size();
  }
  fill_on();
  show_reasoning(message);
  show_status(message, progress);
}

// Slice after slice, so that the window answers meanwhile.
void MessageWidget::fill_on() {
  if (finished_) return;
  if (user_) {
    if (!pending_.empty() && pieces_.empty()) {
      auto* piece = new TextPiece(this);
      piece->set_plain(q(pending_));
      piece->setAccessibleName(tr("You said"));
      body_->addWidget(piece);
      pieces_.push_back(piece);
    }
    finished_ = true;
    return;
  }
  std::size_t end = std::min(pending_.size(), kSlice);
  while (end < pending_.size() && (pending_[end] & 0xC0) == 0x80) ++end;
  if (end > 0) {
    const std::size_t first = segments_.push(std::string_view(pending_).substr(0, end));
    pending_.erase(0, end);
    show_pieces(first);
  }
  if (pending_.empty() && !streaming_) {
    const std::size_t first = segments_.all().empty() ? 0 : segments_.all().size() - 1;
    segments_.finish();
    show_pieces(std::min(first, segments_.all().size()));
    finished_ = true;
  }
  if (pending_.empty())
    filling_->stop();
  else if (!filling_->isActive())
    filling_->start();
}

void MessageWidget::show_pieces(std::size_t first) {
  const std::vector<Segment>& all = segments_.all();
  for (std::size_t i = first; i < std::max(all.size(), pieces_.size()); ++i) {
    const bool code = i < all.size() && all[i].kind == Segment::Kind::kCode;
    QWidget* piece = i < pieces_.size() ? pieces_[i] : nullptr;
    if (piece && (i >= all.size() || code != (qobject_cast<CodePiece*>(piece) != nullptr))) {
      delete piece;
      piece = nullptr;
      pieces_[i] = nullptr;
    }
    if (i >= all.size()) continue;
    if (!piece) {
      if (code) {
        piece = new CodePiece(this, q(all[i].language));
      } else {
        auto* text = new TextPiece(this);
        text->setAccessibleName(tr("Reply"));
        connect(text, &TextPiece::link, this, &MessageWidget::link);
        piece = text;
      }
      body_->insertWidget(static_cast<int>(i), piece);
      if (i < pieces_.size())
        pieces_[i] = piece;
      else
        pieces_.push_back(piece);
    }
    if (code)
      static_cast<CodePiece*>(piece)->set_code(q(all[i].text));
    else
      static_cast<TextPiece*>(piece)->set_markdown(q(all[i].text));
  }
  pieces_.resize(all.size());
}

void MessageWidget::show_reasoning(const Message& message) {
  if (message.reasoning.empty()) return;
  if (!reasoning_button_) {
    reasoning_button_ = new QToolButton(this);
    reasoning_button_->setCheckable(true);
    reasoning_button_->setAutoRaise(true);
    reasoning_button_->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    reasoning_ = new TextPiece(this);
    reasoning_->setAccessibleName(tr("Reasoning"));
    reasoning_->setForegroundRole(QPalette::PlaceholderText);
    reasoning_->hide();
    auto* column = static_cast<QVBoxLayout*>(layout());
    column->insertWidget(1, reasoning_button_);
    column->insertWidget(2, reasoning_);
    connect(reasoning_button_, &QToolButton::toggled, this, [this](bool on) {
      reasoning_->setVisible(on);
      reasoning_button_->setArrowType(on ? Qt::DownArrow : Qt::RightArrow);
    });
    reasoning_button_->setArrowType(Qt::RightArrow);
  }
  if (message.reasoning.size() == reasoning_bytes_) return;
  reasoning_bytes_ = message.reasoning.size();
  const bool thinks = streaming_ && message.content.empty();
  const QString text = q(message.reasoning);
  const qsizetype words = text.count(QLatin1Char(' ')) + 1;
  reasoning_button_->setText(thinks ? tr("Reasoning… %n word(s)", "", static_cast<int>(words))
                                    : tr("Reasoning, %n word(s)", "", static_cast<int>(words)));
  reasoning_button_->setAccessibleName(tr("Show the reasoning"));
  reasoning_->set_plain(text);
}

void MessageWidget::show_status(const Message& message, const ReplyNews* progress) {
  QString text = state_text(message);
  if (streaming_) {
    if (progress && progress->paused)
      text = tr("Waiting for room in the device's memory…");
    else if (progress && progress->queued)
      text = tr("Waiting for other replies…");
    else if (progress && progress->prompt_done < progress->prompt_total)
      text = tr("Reading %1 of %2 tokens…").arg(progress->prompt_done).arg(progress->prompt_total);
    else if (message.content.empty() && message.reasoning.empty())
      text = tr("…");
  }
  if (message.figures.left_out > 0)
    text += (text.isEmpty() ? QString() : QStringLiteral(" ")) +
            tr("The oldest %n message(s) had no room in the context.", "", static_cast<int>(message.figures.left_out));
  status_->setText(text);
  status_->setVisible(!text.isEmpty());
  const QString figures = streaming_ ? QString() : figures_text(message);
  figures_->setText(figures);
  figures_->setVisible(!figures.isEmpty());
  setAccessibleName((user_ ? tr("Your message: %1") : tr("Reply: %1")).arg(q(message.content.substr(0, 200))));
}

}  // namespace pumice_chat
