#include "chat/window/theme.h"

#include <QApplication>
#include <QDBusConnection>
#include <QDBusMessage>
#include <QDBusPendingCallWatcher>
#include <QDBusPendingReply>
#include <QDBusVariant>
#include <QSettings>

namespace pumice_chat {

namespace {

constexpr const char* kService = "org.freedesktop.portal.Desktop";
constexpr const char* kPath = "/org/freedesktop/portal/desktop";
constexpr const char* kInterface = "org.freedesktop.portal.Settings";
constexpr const char* kGroup = "org.freedesktop.appearance";
constexpr const char* kKey = "color-scheme";

QString latin(const char* text) { return QString::fromLatin1(text); }

// The value lies in one or two variants, by the portal's version.
int scheme_in(QVariant value) {
  while (value.canConvert<QDBusVariant>()) value = value.value<QDBusVariant>().variant();
  return value.toInt();
}

QPalette palette_of(const char* window, const char* base, const char* alternate, const char* text, const char* faint,
                    const char* button, const char* accent) {
  QPalette palette((QColor(latin(button))), QColor(latin(window)));
  palette.setColor(QPalette::Base, QColor(latin(base)));
  palette.setColor(QPalette::AlternateBase, QColor(latin(alternate)));
  for (const auto role : {QPalette::Text, QPalette::WindowText, QPalette::ButtonText})
    palette.setColor(role, QColor(latin(text)));
  palette.setColor(QPalette::PlaceholderText, QColor(latin(faint)));
  palette.setColor(QPalette::Highlight, QColor(latin(accent)));
  palette.setColor(QPalette::HighlightedText, Qt::white);
  palette.setColor(QPalette::ToolTipBase, QColor(latin(alternate)));
  palette.setColor(QPalette::ToolTipText, QColor(latin(text)));
  for (const auto role : {QPalette::Text, QPalette::WindowText, QPalette::ButtonText})
    palette.setColor(QPalette::Disabled, role, QColor(latin(faint)));
  return palette;
}

}  // namespace

QPalette light_palette() {
  QPalette palette = palette_of("#f3f4f6", "#ffffff", "#eef1f5", "#1c1f24", "#5d646e", "#e9ebee", "#2563a8");
  palette.setColor(QPalette::Link, QColor(QStringLiteral("#1257a6")));
  return palette;
}

QPalette dark_palette() {
  QPalette palette = palette_of("#22252a", "#191b1f", "#2a2e35", "#e6e8eb", "#a2a9b4", "#343942", "#3a7bd0");
  palette.setColor(QPalette::Link, QColor(QStringLiteral("#86b8ff")));
  return palette;
}

Theme::Theme(QObject* parent) : QObject(parent), system_(QApplication::palette()) {
  choice_ = static_cast<Choice>(QSettings().value(QStringLiteral("appearance"), 0).toInt());
  ask_desktop();
  apply();
}

// Without a word of the desktop's it stays as Qt found it. The answer is not waited for.
void Theme::ask_desktop() {
  if (qEnvironmentVariableIsEmpty("DBUS_SESSION_BUS_ADDRESS")) return;
  QDBusConnection bus = QDBusConnection::sessionBus();
  bus.connect(latin(kService), latin(kPath), latin(kInterface), QStringLiteral("SettingChanged"), this,
              SLOT(setting_changed(QString, QString, QDBusVariant)));
  QDBusMessage call =
      QDBusMessage::createMethodCall(latin(kService), latin(kPath), latin(kInterface), QStringLiteral("Read"));
  call << latin(kGroup) << latin(kKey);
  auto* watcher = new QDBusPendingCallWatcher(bus.asyncCall(call), this);
  connect(watcher, &QDBusPendingCallWatcher::finished, this, [this, watcher] {
    const QDBusPendingReply<QDBusVariant> reply = *watcher;
    if (reply.isValid()) desktop_ = scheme_in(QVariant::fromValue(reply.value()));
    watcher->deleteLater();
    apply();
  });
}

void Theme::setting_changed(const QString& group, const QString& key, const QDBusVariant& value) {
  if (group != latin(kGroup) || key != latin(kKey)) return;
  desktop_ = scheme_in(QVariant::fromValue(value));
  apply();
}

void Theme::choose(Choice choice) {
  choice_ = choice;
  QSettings().setValue(QStringLiteral("appearance"), static_cast<int>(choice));
  apply();
}

void Theme::apply() {
  const bool dark = choice_ == Choice::kDark || (choice_ == Choice::kSystem && desktop_ == 1);
  const bool system_is_dark = system_.color(QPalette::Base).lightness() < 128;
  if (dark)
    QApplication::setPalette(dark_palette());
  else if (choice_ == Choice::kSystem && system_is_dark)
    QApplication::setPalette(system_);
  else
    QApplication::setPalette(light_palette());
}

}  // namespace pumice_chat
