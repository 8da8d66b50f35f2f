// The window: chats at the side, pages in the middle, settings at the other side. What it does stands in Controller.
#pragma once

#include <QMainWindow>
#include <QMap>
#include <memory>
#include <vector>

#include "chat/core/controller.h"
#include "chat/window/poster.h"

class QAction;
class QFrame;
class QComboBox;
class QHBoxLayout;
class QLabel;
class QMenu;
class QProgressBar;
class QStackedWidget;
class QTimer;
class QToolButton;
class QVBoxLayout;

namespace pumice_chat {

class BenchPage;
class CachePage;
class ChatList;
class ChatPage;
class ModelsPage;
class SettingsPanel;
class Theme;

struct WindowOptions {
  QString database;  // the file of the chats
  QString model;     // to load; empty: the last one, else the bundled one
  QString device;    // a selector
};

class MainWindow : public QMainWindow, public ControllerListener {
  Q_OBJECT
 public:
  explicit MainWindow(const WindowOptions& options);
  ~MainWindow() override;

  Controller& controller() { return *controller_; }
  ChatPage* chat_page() const { return chat_; }
  ChatList* chat_list() const { return list_; }
  ModelsPage* models_page() const { return models_; }
  CachePage* cache_page() const { return cache_; }
  BenchPage* bench_page() const { return bench_; }
  SettingsPanel* settings_panel() const { return settings_; }
  Theme* theme() const { return theme_; }
  const QList<QAction*>& all_actions() const { return actions_; }
  void show_page(int page);

  void on_store_opened(const OpenReport& report) override;
  void on_store_trouble(const StoreWorker::Outcome& outcome) override;
  void on_chats() override;
  void on_shown() override;
  void on_added(Id id) override;
  void on_grown(Id id) override;
  void on_not_sent(const std::string& text, const std::vector<Attachment>& attachments,
                   const StoreWorker::Outcome& outcome) override;
  void on_devices() override;
  void on_model() override;

 protected:
  void closeEvent(QCloseEvent* event) override;

 private:
  void build();
  void build_banner(QWidget* parent, QVBoxLayout* column);
  void make_actions();
  QAction* action(QMenu* menu, const QString& name, const QString& keys, std::function<void()> run);
  void chat_menu(QMenu* menu);
  void message_menu(QMenu* menu);
  void view_menu(QMenu* menu);
  QToolButton* action_button(QAction* of);
  void appearance_menu(QMenu* menu);
  void banner(const QString& text, bool retry = false);
  QString trouble_text(const StoreWorker::Outcome& outcome) const;
  void rename_chat(Id chat);
  void move_chat(Id chat);
  void delete_chat(Id chat);
  void show_chat_menu(Id chat, const QPoint& at);
  void export_chat(bool markdown);
  void import_chat();
  void load_model(const LoadOrder& order);
  void open_palette();
  void show_shortcuts();
  void change_font(int step);
  void restore_state();
  void about();

  WindowOptions options_;
  Poster poster_;
  std::unique_ptr<Controller> controller_;
  ChatList* list_ = nullptr;
  ChatPage* chat_ = nullptr;
  ModelsPage* models_ = nullptr;
  CachePage* cache_ = nullptr;
  BenchPage* bench_ = nullptr;
  SettingsPanel* settings_ = nullptr;
  Theme* theme_ = nullptr;
  QAction* settings_action_ = nullptr;
  QHBoxLayout* pages_row_ = nullptr;
  QStackedWidget* pages_ = nullptr;
  QFrame* banner_ = nullptr;
  QLabel *banner_text_ = nullptr, *model_label_ = nullptr;
  QWidget* banner_retry_ = nullptr;
  QProgressBar* loading_ = nullptr;
  QWidget* cancel_load_ = nullptr;
  QTimer* retry_ = nullptr;
  QList<QAction*> actions_;
  QList<QAction*> page_actions_;
  bool first_shown_ = false;
};

}  // namespace pumice_chat
