// Small things that all parts of the window use.
#pragma once

#include <QFrame>
#include <QIcon>
#include <QLabel>
#include <QString>
#include <QToolButton>
#include <QWidget>
#include <string>

namespace pumice_chat {

inline QString q(const std::string& text) {
  return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
}
inline std::string s(const QString& text) { return text.toStdString(); }

// A button that is a sign; `name` is what it does, for those who see the sign and those who hear the name.
QToolButton* sign_button(QWidget* parent, const QString& sign, const QString& name);
QLabel* small_label(QWidget* parent, const QString& text = {});
// "1.5 GB"
QString bytes_text(std::uint64_t bytes);
QFrame* line(QWidget* parent);
// Opened by the desktop, after the user has seen where it leads.
void open_link(QWidget* parent, const QString& url);

}  // namespace pumice_chat
