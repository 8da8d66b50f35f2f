#include "chat/window/translation.h"

#include <QApplication>
#include <QLibraryInfo>
#include <QLocale>
#include <QTranslator>

namespace pumice_chat {

void install_translation(QApplication* app, const QLocale& locale) {
  QLocale::setDefault(locale);
  QApplication::setLayoutDirection(locale.textDirection());
  auto* own = new QTranslator(app);
  if (own->load(locale, QStringLiteral("chat"), QStringLiteral("_"), QStringLiteral(":/translations")))
    QApplication::installTranslator(own);
  // Qt's own texts: buttons of dialogs.
  auto* qt = new QTranslator(app);
  if (qt->load(locale, QStringLiteral("qtbase"), QStringLiteral("_"),
               QLibraryInfo::path(QLibraryInfo::TranslationsPath)))
    QApplication::installTranslator(qt);
}

}  // namespace pumice_chat
