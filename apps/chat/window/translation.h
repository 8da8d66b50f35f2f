// The program in the user's language.
#pragma once

#include <QList>

class QLocale;
class QObject;
class QTranslator;

namespace pumice_chat {

// Of the texts that this build has; the direction of writing follows. Before any widget.
// What was installed.
QList<QTranslator*> install_translation(QObject* owner, const QLocale& locale);

}  // namespace pumice_chat
