// The models of this machine: what each would take, loading, and downloads where they are allowed.
#pragma once

#include <QWidget>
#include <map>
#include <string>
#include <vector>

#include "chat/core/controller.h"
#include "chat/core/hub.h"
#include "chat/core/model_catalog.h"

class QCheckBox;
class QComboBox;
class QGroupBox;
class QLabel;
class QLineEdit;
class QProgressBar;
class QPushButton;
class QTreeWidget;
class QTreeWidgetItem;

namespace pumice_chat {

class ModelsPage : public QWidget {
  Q_OBJECT
 public:
  ModelsPage(QWidget* parent, Controller* controller, const Post& post);

  void refresh();
  void model_changed();
  void devices_changed();
  QTreeWidget* list() const { return list_; }
  bool offline() const;

 Q_SIGNALS:
  void wants_load(const pumice_chat::LoadOrder& order);
  void problem(const QString& text);

 private:
  class QBoxLayout* build_choice();
  void build_download(class QVBoxLayout* column);
  void show_models(const std::vector<pumice_apps::StoredModel>& models);
  void look_at_next();
  void show_details(QTreeWidgetItem* item, const ModelDetails& details);
  void show_choice();
  std::uint64_t room() const;
  void load();
  void choose_folder();
  void download();
  void download_ended(const HubEnd& end);

  Controller* controller_;
  ModelCatalog catalog_;
  Hub hub_;
  QTreeWidget* list_;
  QLabel* about_;
  QComboBox *device_, *context_;
  QPushButton *load_, *download_, *pause_;
  QGroupBox* net_;
  QCheckBox* offline_;
  QLineEdit* repository_;
  QProgressBar* progress_;
  std::vector<pumice_apps::StoredModel> models_;
  std::map<std::string, ModelDetails> details_;
  std::vector<std::string> to_look_at_;
};

}  // namespace pumice_chat
