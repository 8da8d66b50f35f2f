// Tests of the chat in a window. --shots FOLDER keeps pictures of it; --long does more; --model FILE
// converses with another model than the bundled one.
#include <gtest/gtest.h>

#include <QApplication>
#include <QLocale>
#include <cstdlib>
#include <cstring>

#include "chat/window/translation.h"
#include "chat_app/long_run.h"
#include "chat_app/victim.h"
#include "chat_app/window_support.h"

int main(int argc, char** argv) {
  if (argc == 4 && std::strcmp(argv[1], "--victim") == 0)
    return pumice::test::be_a_victim(argv[2], static_cast<unsigned>(std::atoi(argv[3])));
  // No screen is needed; one that is asked for is used.
  if (!std::getenv("QT_QPA_PLATFORM")) setenv("QT_QPA_PLATFORM", "offscreen", 1);
  testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--shots") == 0 && i + 1 < argc)
      pumice::test::chat_window::shots_folder() = QString::fromLocal8Bit(argv[i + 1]);
    if (std::strcmp(argv[i], "--model") == 0 && i + 1 < argc)
      pumice::test::chat_window::model_file() = QString::fromLocal8Bit(argv[i + 1]);
    if (std::strcmp(argv[i], "--long") == 0) pumice::test::long_run() = true;
  }
  QApplication app(argc, argv);
  QApplication::setStyle(QStringLiteral("Fusion"));
  QCoreApplication::setOrganizationName(QStringLiteral("pumice"));
  QCoreApplication::setApplicationName(QStringLiteral("pumice-chat"));
  pumice_chat::install_translation(&app, QLocale(QLocale::English));
  return RUN_ALL_TESTS();
}
