#include "serve/service.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/model_files.h"
#include "common/model_store.h"
#include "common/system.h"

namespace pumice_serve {

Vocabulary::Vocabulary(const pumice::Instance& instance, const std::string& path) : model_(instance, path) {
  try {
    chat_ = std::make_unique<pumice::Chat>(instance, &model_);
  } catch (const pumice::Error& error) {
    if (error.code() == PUMICE_OUT_OF_HOST_MEMORY) throw;
  }
}

std::vector<std::int32_t> Vocabulary::tokenize(const std::string& text, bool special) const {
  return model_.tokenize(text, special ? PUMICE_TOKENIZE_ADD_SPECIAL | PUMICE_TOKENIZE_PARSE_SPECIAL : 0);
}

std::size_t Vocabulary::prompt_tokens(const Json& messages, const std::string& tools) {
  if (!chat_) throw ApiError(400, "the model does not converse", "model");
  const std::string text = text_of(messages);
  PumiceChatRenderOptions options = pumice_chat_render_options_init();
  options.messages = {text.data(), text.size()};
  options.tools = {tools.data(), tools.size()};
  options.now = pumice_apps::local_seconds();
  const std::lock_guard lock(mutex_);
  try {
    return chat_->render(options).ids.size();
  } catch (const pumice::Error& error) {
    throw ApiError(400, error.what());
  }
}

std::vector<ServedModel> Service::models() const {
  std::vector<ServedModel> all = options_.models;
  if (!options_.stores) return all;
  for (const pumice_apps::StoredModel& stored : pumice_apps::find_models(pumice_apps::usual_store_folders()))
    if (stored.problem.empty()) all.push_back({stored.name, stored.path});
  return all;
}

ServedModel Service::find(const std::string& name) const {
  if (name.empty() && !options_.models.empty()) return options_.models.front();
  constexpr std::string_view kLatest = ":latest";
  std::string wanted = pumice_apps::lower_case(name);
  if (wanted.ends_with(kLatest)) wanted.resize(wanted.size() - kLatest.size());
  for (const ServedModel& model : options_.models)
    if (pumice_apps::lower_case(model.name) == wanted) return model;
  if (options_.stores) {
    const auto found = pumice_apps::models_named(pumice_apps::find_models(pumice_apps::usual_store_folders()), name);
    if (found.size() == 1 && found[0].problem.empty()) return {found[0].name, found[0].path};
    if (found.size() > 1) throw ApiError(404, fmt::format("'{}' may be {} models", name, found.size()), "model");
  }
  std::string names;
  for (const ServedModel& model : options_.models) names += (names.empty() ? "" : ", ") + model.name;
  throw ApiError(404, fmt::format("there is no model '{}' here; there is {}", name, names), "model", "model_not_found");
}

// What leaves ends on the thread of what comes, before that takes memory.
void Service::submit(const std::shared_ptr<Job>& job) {
  const ServedModel model = find(job->model());
  const std::lock_guard lock(mutex_);
  if (stopping_) throw ApiError(503, "the server is stopping");
  std::vector<std::shared_ptr<ModelWorker>> leaving;
  if (const auto found = loaded_.find(model.path); found != loaded_.end() && found->second.worker->failed()) {
    leaving.push_back(std::move(found->second.worker));
    loaded_.erase(found);
  }
  while (!loaded_.contains(model.path) && loaded_.size() >= options_.most_loaded) {
    auto oldest = loaded_.end();
    for (auto it = loaded_.begin(); it != loaded_.end(); ++it)
      if (it->second.worker->idle() && (oldest == loaded_.end() || it->second.used < oldest->second.used)) oldest = it;
    if (oldest == loaded_.end())
      throw ApiError(503, "other models are busy; try again later, or start the server with a larger --models");
    leaving.push_back(std::move(oldest->second.worker));
    loaded_.erase(oldest);
  }
  Loaded& loaded = loaded_[model.path];
  if (!loaded.worker) {
    WorkerOptions options = options_.worker;
    options.name = model.name;
    options.path = model.path;
    options.projector = model.projector;
    options.leaving = std::move(leaving);
    if (model.path != options_.models.front().path) options.adapters.clear(), options.draft.clear();
    loaded.worker = std::make_shared<ModelWorker>(std::move(options), metrics_);
  }
  loaded.used = ++uses_;
  loaded.worker->submit(job);
}

std::vector<std::string> Service::loaded() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const ServedModel& model : options_.models)
    if (loaded_.contains(model.path)) names.push_back(model.name);
  return names;
}

std::shared_ptr<Vocabulary> Service::vocabulary(const std::string& name) {
  const ServedModel model = find(name);
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Vocabulary>& vocabulary = vocabularies_[model.path];
  if (!vocabulary) {
    try {
      vocabulary = std::make_shared<Vocabulary>(*options_.worker.instance, model.path);
    } catch (const pumice::Error& error) {
      throw ApiError(500, error.what());
    }
  }
  return vocabulary;
}

std::string Service::cache_metrics() const {
  static constexpr const char* kSources[] = {"device", "ram", "disk", "redis"};
  const std::lock_guard lock(mutex_);
  std::string held = "# HELP pumice_kv_pages Pages of the KV cache in device memory.\n# TYPE pumice_kv_pages gauge\n";
  std::string hits = "# HELP pumice_kv_hit_pages_total Pages found again.\n# TYPE pumice_kv_hit_pages_total counter\n";
  for (const ServedModel& model : options_.models) {
    const auto found = loaded_.find(model.path);
    if (found == loaded_.end()) continue;
    const std::optional<PumiceCacheStats> stats = found->second.worker->cache_stats();
    if (!stats) continue;
    held += fmt::format(
        "pumice_kv_pages{{model=\"{0}\",state=\"held\"}} {1}\n"
        "pumice_kv_pages{{model=\"{0}\",state=\"cached\"}} {2}\n",
        model.name, stats->pages_held, stats->pages_cached);
    for (std::size_t i = 0; i < std::size(kSources); ++i)
      hits += fmt::format("pumice_kv_hit_pages_total{{model=\"{}\",source=\"{}\"}} {}\n", model.name, kSources[i],
                          stats->hit_pages[i]);
  }
  return held + hits;
}

bool Service::healthy() const {
  const std::lock_guard lock(mutex_);
  return std::none_of(loaded_.begin(), loaded_.end(), [](const auto& each) { return each.second.worker->failed(); });
}

bool Service::device_lost() const {
  const std::lock_guard lock(mutex_);
  return std::any_of(loaded_.begin(), loaded_.end(),
                     [](const auto& each) { return each.second.worker->device_lost(); });
}

void Service::stop() {
  std::map<std::string, Loaded> leaving;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    leaving.swap(loaded_);
  }
}

}  // namespace pumice_serve
