// The program in the user's language.
#pragma once

class QApplication;
class QLocale;

namespace pumice_chat {

// Of the texts that this build has; the direction of writing follows. Before any widget.
void install_translation(QApplication* app, const QLocale& locale);

}  // namespace pumice_chat
