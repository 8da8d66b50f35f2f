#include "chat_app/window_support.h"

#include <QDir>
#include <QPixmap>

namespace pumice::test::chat_window {

QString& shots_folder() {
  static QString folder;
  return folder;
}

QString& model_file() {
  static QString file;
  return file;
}

void shot(QWidget* widget, const QString& name) {
  if (shots_folder().isEmpty()) return;
  QDir().mkpath(shots_folder());
  QTest::qWait(120);
  widget->grab().save(shots_folder() + QLatin1Char('/') + name + QStringLiteral(".png"));
}

QAccessibleInterface* by_name(QAccessibleInterface* root, const QString& name, QAccessible::Role role) {
  if (!root || !root->isValid() || root->state().invisible) return nullptr;
  const bool fits = role == QAccessible::NoRole || root->role() == role;
  if (fits && root->text(QAccessible::Name) == name) return root;
  for (int i = 0; i < root->childCount(); ++i)
    if (QAccessibleInterface* found = by_name(root->child(i), name, role)) return found;
  return nullptr;
}

bool press(QWidget* window, const QString& name) {
  for (const auto role : {QAccessible::Button, QAccessible::ButtonMenu, QAccessible::CheckBox, QAccessible::NoRole}) {
    QAccessibleInterface* at = by_name(QAccessible::queryAccessibleInterface(window), name, role);
    if (!at || !at->actionInterface() || at->state().disabled) continue;
    at->actionInterface()->doAction(
        at->actionInterface()->actionNames().contains(QAccessibleActionInterface::pressAction())
            ? QAccessibleActionInterface::pressAction()
            : QAccessibleActionInterface::toggleAction());
    return true;
  }
  return false;
}

bool type(QWidget* window, const QString& name, const QString& text) {
  QAccessibleInterface* at = by_name(QAccessible::queryAccessibleInterface(window), name, QAccessible::EditableText);
  if (!at || !at->editableTextInterface()) return false;
  at->editableTextInterface()->insertText(0, text);
  return true;
}

namespace {

bool is_interactive(QAccessible::Role role) {
  switch (role) {
    case QAccessible::Button:
    case QAccessible::ButtonMenu:
    case QAccessible::CheckBox:
    case QAccessible::RadioButton:
    case QAccessible::ComboBox:
    case QAccessible::EditableText:
    case QAccessible::Slider:
    case QAccessible::SpinBox:
    case QAccessible::List:
    case QAccessible::Tree:
    case QAccessible::Table:
    case QAccessible::MenuItem:
    case QAccessible::PageTab:
      return true;
    default:
      return false;
  }
}

void collect(QAccessibleInterface* at, const QString& parents, QStringList* found) {
  if (!at || !at->isValid()) return;
  // Of texts alone that are read; and what takes the keyboard must be told.
  const QString path = parents + QLatin1Char('/') +
                       (at->object() ? QString::fromLatin1(at->object()->metaObject()->className()) : QString());
  const auto* widget = qobject_cast<QWidget*>(at->object());
  const bool focused = widget && widget->focusPolicy() != Qt::NoFocus && widget->isEnabled() && !widget->focusProxy() &&
                       at->role() != QAccessible::Client;
  const bool inner = parents.contains(QStringLiteral("QSpinBox")) ||
                     parents.contains(QStringLiteral("QDoubleSpinBox")) ||
                     parents.contains(QStringLiteral("QComboBox"));
  if (!inner && (is_interactive(at->role()) || focused) &&
      (at->text(QAccessible::Name).isEmpty() || at->role() == QAccessible::NoRole))
    found->push_back(path);
  for (int i = 0; i < at->childCount(); ++i) collect(at->child(i), path, found);
}

}  // namespace

QStringList nameless(QWidget* window) {
  QStringList found;
  collect(QAccessible::queryAccessibleInterface(window), {}, &found);
  return found;
}

std::vector<std::string> Window::said() {
  std::vector<std::string> texts;
  for (const Id id : path()) texts.push_back(controller().tree().find(id)->content);
  return texts;
}

void Window::limit(std::uint32_t tokens) {
  ChatSettings settings = controller().chat(controller().open_chat())->settings;
  settings.max_tokens = tokens;
  settings.seed = 7;
  controller().set_settings(controller().open_chat(), settings);
}

void Window::say(const QString& text, bool wait) {
  const std::size_t before = path().size();
  ASSERT_TRUE(type(window_.get(), ComposerText::tr("Message"), text));
  ASSERT_TRUE(press(window_.get(), Composer::tr("Send")));
  ASSERT_TRUE(soon([&] { return path().size() == before + 2; }));
  if (wait) {
    ASSERT_TRUE(soon([&] { return done(); }, 300));
  }
}

}  // namespace pumice::test::chat_window
