// How the open chat's replies are made: what the model is told beforehand, sampling, form. Kept with the chat.
#pragma once

#include <QScrollArea>
#include <vector>

#include "chat/core/controller.h"
#include "common/presets.h"

class QCheckBox;
class QComboBox;
class QDoubleSpinBox;
class QLabel;
class QPlainTextEdit;
class QSpinBox;
class QTimer;

namespace pumice_chat {

class SettingsPanel : public QScrollArea {
  Q_OBJECT
 public:
  SettingsPanel(QWidget* parent, Controller* controller);

  void show_chat();
  void flush();  // what was changed counts from now on
  QPlainTextEdit* system() const { return system_; }

 private:
  void build();
  void showEvent(QShowEvent* event) override;
  QDoubleSpinBox* number(const QString& name, double most, double step);
  QSpinBox* count(const QString& name, int most, const QString& none);
  void read();  // from the controls
  void build_presets();
  void list_presets(const QString& chosen);
  void apply_preset(int index);
  void keep_preset();
  void enable();

  Controller* controller_;
  class QVBoxLayout* column_ = nullptr;
  QPlainTextEdit *system_, *schema_;
  QLabel *schema_problem_, *preset_problem_;
  QComboBox *preset_, *thinking_;
  QCheckBox* model_sampling_;
  QDoubleSpinBox *temperature_, *top_p_, *min_p_, *repeat_;
  QSpinBox *top_k_, *max_tokens_, *seed_;
  QTimer* soon_;
  std::vector<pumice_apps::Preset> presets_;  // behind the first entry, which is none
  Id shown_ = 0;
  bool filling_ = false;
};

}  // namespace pumice_chat
