#include "chat/core/model_catalog.h"

#include <exception>
#include <filesystem>
#include <utility>

#include "chat/core/loaded_model.h"
#include "common/start.h"

namespace pumice_chat {

namespace fs = std::filesystem;

namespace {

pumice_apps::StoredModel bundled() {
  pumice_apps::StoredModel model;
  model.path = pumice_apps::bundled_model();
  std::error_code failed;
  model.name = fs::path(model.path).stem().string();
  model.store = "bundled";
  const std::uintmax_t bytes = fs::file_size(model.path, failed);
  model.bytes = failed ? 0 : bytes;
  return model;
}

bool talks(const pumice::Instance& instance, const pumice::Model& model) {
  try {
    const pumice::Chat chat(instance, &model);
    return true;
  } catch (const pumice::Error&) {
    return false;
  }
}

}  // namespace

void ModelCatalog::list(const std::string& folder, std::function<void(std::vector<pumice_apps::StoredModel>)> then) {
  thread_.add([this, folder, then = std::move(then)] {
    std::vector<pumice_apps::StoredModel> models;
    if (pumice_apps::StoredModel own = bundled(); !own.path.empty()) models.push_back(std::move(own));
    const auto append = [&](std::vector<pumice_apps::StoredModel> more) {
      models.insert(models.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    };
    append(pumice_apps::find_models(pumice_apps::usual_store_folders()));
    if (!folder.empty()) append(pumice_apps::models_in(folder));
    post_([then, models = std::move(models)]() mutable { then(std::move(models)); });
  });
}

void ModelCatalog::look(const std::string& path, std::uint32_t context_tokens, std::function<void(ModelDetails)> then) {
  thread_.add([this, path, context_tokens, then = std::move(then)] {
    ModelDetails details = look_now(path, context_tokens);
    post_([then, details = std::move(details)] { then(details); });
  });
}

ModelDetails ModelCatalog::look_now(const std::string& path, std::uint32_t context_tokens) {
  ModelDetails details;
  details.path = path;
  try {
    if (!instance_) instance_.emplace();
    const pumice::Model model(*instance_, path);
    const PumiceModelInfo info = model.info();
    details.name = info.name;
    details.architecture = info.architecture;
    details.weight_types = info.weight_types;
    details.parameters = info.parameters;
    details.context_tokens = info.context_length;
    details.talks = talks(*instance_, model);
    PumiceContextOptions options = pumice_context_options_init();
    options.context_tokens = usual_room(context_tokens, info.context_length);
    options.max_sequences = kSequences;
    const PumiceEstimate estimate = model.estimate(options);
    details.weights = estimate.weights_bytes;
    details.kv = estimate.kv_bytes;
    details.workspace = estimate.workspace_bytes;
  } catch (const std::exception& error) {
    details.problem = error.what();
  }
  return details;
}

}  // namespace pumice_chat
