// Dark and light: as the system has it, or as the user said.
#pragma once

#include <QDBusVariant>
#include <QObject>
#include <QPalette>

namespace pumice_chat {

class Theme : public QObject {
  Q_OBJECT
 public:
  enum class Choice { kSystem = 0, kLight = 1, kDark = 2 };

  explicit Theme(QObject* parent);
  Choice choice() const { return choice_; }
  void choose(Choice choice);  // kept

 private Q_SLOTS:
  void setting_changed(const QString& group, const QString& key, const QDBusVariant& value);

 private:
  void ask_desktop();
  void apply();

  Choice choice_ = Choice::kSystem;
  QPalette system_;  // as the program found it
  int desktop_ = 0;  // org.freedesktop.appearance color-scheme: 0 nothing, 1 dark, 2 light
};

QPalette light_palette();
QPalette dark_palette();

}  // namespace pumice_chat
