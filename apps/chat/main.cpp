// pumice-chat: converse with a model in a window.
#include <QApplication>
#include <QCommandLineParser>
#include <QDir>
#include <QIcon>
#include <QLocale>
#include <QLockFile>
#include <QMessageBox>
#include <QStandardPaths>
#include <exception>

#include "chat/window/main_window.h"
#include "chat/window/translation.h"
#include "common/start.h"

namespace {

using pumice_chat::MainWindow;

QString data_folder(const QCommandLineParser& parser) {
  if (parser.isSet(QStringLiteral("data"))) return QDir(parser.value(QStringLiteral("data"))).absolutePath();
  return QStandardPaths::writableLocation(QStandardPaths::AppDataLocation);
}

void add_options(QCommandLineParser* parser) {
  parser->setApplicationDescription(
      QCoreApplication::translate("main", "Converse with a model in a window. Nothing leaves this machine."));
  parser->addHelpOption();
  parser->addVersionOption();
  parser->addOption({{QStringLiteral("m"), QStringLiteral("model")},
                     QCoreApplication::translate("main", "A GGUF file to load."),
                     QStringLiteral("FILE")});
  parser->addOption({QStringLiteral("device"),
                     QCoreApplication::translate("main", "A device by number, UUID or a part of its name."),
                     QStringLiteral("DEVICE")});
  parser->addOption({QStringLiteral("data"), QCoreApplication::translate("main", "The folder in which chats are kept."),
                     QStringLiteral("FOLDER")});
}

}  // namespace

int main(int argc, char** argv) {
  pumice_apps::restart_as_devices_ask(argv);
  QApplication app(argc, argv);
  QApplication::setStyle(QStringLiteral("Fusion"));
  QCoreApplication::setOrganizationName(QStringLiteral("pumice"));
  QCoreApplication::setApplicationName(QStringLiteral("pumice-chat"));
  QCoreApplication::setApplicationVersion(QString::fromLatin1(pumice_version()));
  QGuiApplication::setDesktopFileName(QStringLiteral("org.pumice.Chat"));
  QGuiApplication::setWindowIcon(QIcon::fromTheme(QStringLiteral("org.pumice.Chat")));
  pumice_chat::install_translation(&app, QLocale());
  QCommandLineParser parser;
  add_options(&parser);
  parser.process(app);
  const QString folder = data_folder(parser);
  QDir().mkpath(folder);
  // One at a time: two would not see what the other one changes.
  QLockFile lock(folder + QStringLiteral("/chats.lock"));
  lock.setStaleLockTime(0);
  if (!lock.tryLock(200) && lock.error() == QLockFile::LockFailedError) {
    QMessageBox::information(nullptr, QStringLiteral("Pumice Chat"),
                             QCoreApplication::translate("main", "Pumice Chat is already open for %1.").arg(folder));
    return 1;
  }
  pumice_chat::WindowOptions options;
  options.database = folder + QStringLiteral("/chats.db");
  options.model = parser.value(QStringLiteral("model"));
  options.device = parser.value(QStringLiteral("device"));
  MainWindow window(options);
  window.show();
  return QApplication::exec();
}
