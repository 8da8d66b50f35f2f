// The presets in the settings: those that all applications share (common/presets.h).
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QHBoxLayout>
#include <QInputDialog>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QVBoxLayout>

#include "chat/window/background.h"
#include "chat/window/settings_panel.h"
#include "chat/window/ui.h"
#include "common/system.h"

namespace pumice_chat {

using pumice_apps::Preset;

void SettingsPanel::build_presets() {
  auto* label = new QLabel(tr("Preset"), widget());
  preset_ = new QComboBox(widget());
  preset_->setAccessibleName(tr("Preset"));
  preset_->addItem(tr("Own"));
  label->setBuddy(preset_);
  auto* keep = new QPushButton(tr("Keep…"), widget());
  keep->setAccessibleName(tr("Keep these settings as a preset"));
  keep->setToolTip(keep->accessibleName());
  column_->addWidget(label);
  auto* row = new QHBoxLayout;
  row->addWidget(preset_, 1);
  row->addWidget(keep);
  column_->addLayout(row);
  preset_problem_ = small_label(widget());
  preset_problem_->setWordWrap(true);
  preset_problem_->hide();
  column_->addWidget(preset_problem_);
  connect(preset_, &QComboBox::activated, this, &SettingsPanel::apply_preset);
  connect(keep, &QPushButton::clicked, this, &SettingsPanel::keep_preset);
}

void SettingsPanel::showEvent(QShowEvent* event) {
  QScrollArea::showEvent(event);
  list_presets(preset_->currentText());
}

// Others may have been made meanwhile, by any program of pumice.
void SettingsPanel::list_presets(const QString& chosen) {
  const auto name = [](const Preset& preset) {
    if (!preset.built_in) return q(preset.name);
    return preset.name == "exact" ? tr("Exact") : preset.name == "lively" ? tr("Lively") : tr("Balanced");
  };
  in_background(
      this, [] { return pumice_apps::presets_in(pumice_apps::preset_folder()); },
      [this, name, chosen](const std::vector<Preset>& presets) {
        presets_ = presets;
        preset_->clear();
        preset_->addItem(tr("Own"));
        for (const Preset& preset : presets) preset_->addItem(name(preset));
        preset_->setCurrentIndex(std::max(0, preset_->findText(chosen)));
      });
}

void SettingsPanel::apply_preset(int index) {
  if (index < 1 || static_cast<std::size_t>(index) > presets_.size()) return;
  const Preset& preset = presets_[static_cast<std::size_t>(index) - 1];
  preset_problem_->setText(q(preset.problem));
  preset_problem_->setVisible(!preset.problem.empty());
  if (!preset.system.empty()) system_->setPlainText(q(preset.system));
  const bool samples = preset.temperature || preset.top_p || preset.min_p || preset.repeat_penalty || preset.top_k;
  if (samples) model_sampling_->setChecked(false);
  const auto set = [](QDoubleSpinBox* box, const std::optional<float>& value) {
    if (value) box->setValue(static_cast<double>(*value));
  };
  const auto set_count = [](QSpinBox* box, const std::optional<std::uint32_t>& value) {
    if (value) box->setValue(static_cast<int>(std::min<std::uint32_t>(*value, 1'000'000)));
  };
  set(temperature_, preset.temperature);
  set(top_p_, preset.top_p);
  set(min_p_, preset.min_p);
  set(repeat_, preset.repeat_penalty);
  set_count(top_k_, preset.top_k);
  set_count(max_tokens_, preset.max_tokens);
}

void SettingsPanel::keep_preset() {
  bool given = false;
  const QString name = QInputDialog::getText(this, tr("Keep as a preset"), tr("Its name"), QLineEdit::Normal,
                                             preset_->currentIndex() > 0 ? preset_->currentText() : QString(), &given);
  if (!given) return;
  Preset preset{.name = s(name.trimmed()), .system = s(system_->toPlainText())};
  if (!model_sampling_->isChecked()) {
    preset.temperature = static_cast<float>(temperature_->value());
    preset.top_p = static_cast<float>(top_p_->value());
    preset.min_p = static_cast<float>(min_p_->value());
    preset.repeat_penalty = static_cast<float>(repeat_->value());
    preset.top_k = static_cast<std::uint32_t>(top_k_->value());
  }
  if (max_tokens_->value() > 0) preset.max_tokens = static_cast<std::uint32_t>(max_tokens_->value());
  if (!pumice_apps::is_preset_name(preset.name)) {
    preset_problem_->setText(tr("A name has letters, digits, spaces, “-” and “_”."));
    preset_problem_->show();
    return;
  }
  in_background(
      this, [preset] { return pumice_apps::save_preset(pumice_apps::preset_folder(), preset); },
      [this, name](int reason) {
        preset_problem_->setText(tr("It could not be kept: %1").arg(q(pumice_apps::reason_text(reason))));
        preset_problem_->setVisible(reason != 0);
        list_presets(name.trimmed());
      });
}

}  // namespace pumice_chat
