#include "chat/window/translation.h"

#include <QApplication>
#include <QLibraryInfo>
#include <QLocale>
#include <QTranslator>

namespace pumice_chat {

QList<QTranslator*> install_translation(QObject* owner, const QLocale& asked) {
  // Without a language the program speaks English, whose plurals are a translation, too.
  const QLocale locale = asked.language() == QLocale::C ? QLocale(QLocale::English) : asked;
  QLocale::setDefault(locale);
  QApplication::setLayoutDirection(locale.textDirection());
  QList<QTranslator*> installed;
  const auto install = [&](const QString& name, const QString& folder) {
    auto* translator = new QTranslator(owner);
    if (!translator->load(locale, name, QStringLiteral("_"), folder)) return;
    QCoreApplication::installTranslator(translator);
    installed.push_back(translator);
  };
  // Qt's own texts: buttons of dialogs.
  install(QStringLiteral("qtbase"), QLibraryInfo::path(QLibraryInfo::TranslationsPath));
  install(QStringLiteral("chat"), QStringLiteral(":/translations"));
  return installed;
}

}  // namespace pumice_chat
