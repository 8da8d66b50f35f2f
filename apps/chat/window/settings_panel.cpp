#include "chat/window/settings_panel.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QLabel>
#include <QPlainTextEdit>
#include <QScrollBar>
#include <QSpinBox>
#include <QTimer>
#include <QVBoxLayout>

#include "chat/window/ui.h"

namespace pumice_chat {

SettingsPanel::SettingsPanel(QWidget* parent, Controller* controller)
    : QScrollArea(parent), controller_(controller), soon_(new QTimer(this)) {
  setWidgetResizable(true);
  setFrameShape(QFrame::NoFrame);
  setFocusPolicy(Qt::NoFocus);
  setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  setAccessibleName(tr("Settings of this chat"));
  build();
  soon_->setSingleShot(true);
  soon_->setInterval(250);
  connect(soon_, &QTimer::timeout, this, &SettingsPanel::read);
}

namespace {

QPlainTextEdit* text_field(QWidget* parent, const QString& name, const QString& hint, int lines) {
  auto* field = new QPlainTextEdit(parent);
  field->setAccessibleName(name);
  field->setPlaceholderText(hint);
  field->setTabChangesFocus(true);
  field->setFixedHeight(lines * field->fontMetrics().lineSpacing() + 12);
  return field;
}

}  // namespace

QDoubleSpinBox* SettingsPanel::number(const QString& name, double most, double step) {
  auto* label = new QLabel(name, widget());
  auto* box = new QDoubleSpinBox(widget());
  box->setRange(0, most);
  box->setSingleStep(step);
  box->setAccessibleName(name);
  label->setBuddy(box);
  column_->addWidget(label);
  column_->addWidget(box);
  connect(box, &QDoubleSpinBox::valueChanged, this, [this] { soon_->start(); });
  return box;
}

QSpinBox* SettingsPanel::count(const QString& name, int most, const QString& none) {
  auto* label = new QLabel(name, widget());
  auto* box = new QSpinBox(widget());
  box->setRange(0, most);
  box->setSpecialValueText(none);
  box->setAccessibleName(name);
  label->setBuddy(box);
  column_->addWidget(label);
  column_->addWidget(box);
  connect(box, &QSpinBox::valueChanged, this, [this] { soon_->start(); });
  return box;
}

void SettingsPanel::build() {
  auto* inside = new QWidget(this);
  setWidget(inside);
  column_ = new QVBoxLayout(inside);
  column_->setSpacing(4);
  build_presets();
  column_->addWidget(new QLabel(tr("System prompt"), inside));
  system_ = text_field(inside, tr("System prompt"), tr("What the model is told beforehand"), 5);
  column_->addWidget(system_);
  column_->addWidget(new QLabel(tr("Reasoning"), inside));
  thinking_ = new QComboBox(inside);
  thinking_->setAccessibleName(tr("Reasoning"));
  thinking_->addItems({tr("As the model does"), tr("On"), tr("Off")});
  column_->addWidget(thinking_);
  column_->addWidget(line(inside));
  model_sampling_ = new QCheckBox(tr("Sampling as the model's file says"), inside);
  column_->addWidget(model_sampling_);
  temperature_ = number(tr("Temperature"), 5, 0.05);
  top_p_ = number(tr("Top-p"), 1, 0.01);
  min_p_ = number(tr("Min-p"), 1, 0.01);
  top_k_ = count(tr("Top-k"), 1000, tr("off"));
  repeat_ = number(tr("Penalty of repetition"), 3, 0.05);
  column_->addWidget(line(inside));
  max_tokens_ = count(tr("Most tokens of a reply"), 1000000, tr("until it ends"));
  seed_ = count(tr("Seed"), 2000000000, tr("drawn anew"));
  column_->addWidget(line(inside));
  column_->addWidget(new QLabel(tr("JSON Schema of the reply"), inside));
  schema_ = text_field(inside, tr("JSON Schema of the reply"), QStringLiteral("{\"type\": \"object\", …}"), 5);
  column_->addWidget(schema_);
  schema_problem_ = small_label(inside);
  schema_problem_->setWordWrap(true);
  column_->addWidget(schema_problem_);
  column_->addStretch(1);
  setMinimumWidth(inside->minimumSizeHint().width() + verticalScrollBar()->sizeHint().width() + 4);
  for (QPlainTextEdit* field : {system_, schema_})
    connect(field, &QPlainTextEdit::textChanged, this, [this] { soon_->start(); });
  connect(thinking_, &QComboBox::currentIndexChanged, this, [this] { soon_->start(); });
  connect(model_sampling_, &QCheckBox::toggled, this, [this] {
    enable();
    soon_->start();
  });
}

void SettingsPanel::enable() {
  const bool own = !model_sampling_->isChecked();
  for (QWidget* one : std::initializer_list<QWidget*>{temperature_, top_p_, min_p_, top_k_, repeat_})
    one->setEnabled(own);
}


void SettingsPanel::flush() {
  if (!soon_->isActive()) return;
  soon_->stop();
  read();
}

void SettingsPanel::show_chat() {
  flush();
  shown_ = controller_->open_chat();
  const ChatInfo* chat = controller_->chat(controller_->open_chat());
  setEnabled(chat != nullptr);
  if (!chat) return;
  filling_ = true;
  ChatSettings shown = chat->settings;
  if (shown.model_sampling && controller_->model_state() == ModelState::kLoaded) {
    const ChatSettings& file = controller_->model().recommended;
    shown.temperature = file.temperature;
    shown.top_p = file.top_p;
    shown.min_p = file.min_p;
    shown.top_k = file.top_k;
    shown.repeat_penalty = file.repeat_penalty;
  }
  if (system_->toPlainText() != q(shown.system)) system_->setPlainText(q(shown.system));
  if (schema_->toPlainText() != q(shown.schema)) schema_->setPlainText(q(shown.schema));
  thinking_->setCurrentIndex(shown.thinking);
  model_sampling_->setChecked(shown.model_sampling);
  temperature_->setValue(shown.temperature);
  top_p_->setValue(shown.top_p);
  min_p_->setValue(shown.min_p);
  repeat_->setValue(shown.repeat_penalty);
  top_k_->setValue(static_cast<int>(shown.top_k));
  max_tokens_->setValue(static_cast<int>(shown.max_tokens));
  seed_->setValue(static_cast<int>(shown.seed));
  enable();
  soon_->stop();
  filling_ = false;
}

void SettingsPanel::read() {
  const ChatInfo* chat = controller_->chat(shown_);
  if (!chat || filling_) return;
  ChatSettings settings = chat->settings;
  settings.system = s(system_->toPlainText());
  settings.schema = s(schema_->toPlainText().trimmed());
  settings.thinking = thinking_->currentIndex();
  settings.model_sampling = model_sampling_->isChecked();
  if (!settings.model_sampling) {
    settings.temperature = temperature_->value();
    settings.top_p = top_p_->value();
    settings.min_p = min_p_->value();
    settings.repeat_penalty = repeat_->value();
    settings.top_k = static_cast<std::uint32_t>(top_k_->value());
  }
  settings.max_tokens = static_cast<std::uint32_t>(max_tokens_->value());
  settings.seed = static_cast<std::uint64_t>(seed_->value());
  const bool json = settings.schema.empty() || Json::accept(settings.schema);
  schema_problem_->setText(json ? QString() : tr("This is no JSON yet, and not used."));
  if (!json) settings.schema = chat->settings.schema;
  controller_->set_settings(chat->id, settings);
}

}  // namespace pumice_chat
