#include "common/model_store.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "common/model_files.h"
#include "common/system.h"

namespace pumice_apps {

namespace fs = std::filesystem;

namespace {

constexpr int kMostLevels = 6;         // of folders
constexpr int kMostEntries = 200'000;  // of one store
constexpr std::uintmax_t kMostManifestBytes = 1 << 20;

struct File {
  std::string name;  // relative to the folder of the model
  fs::path path;
};

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> entries;
  std::error_code failed;
  for (fs::directory_iterator it(folder, fs::directory_options::skip_permission_denied, failed), end;
       !failed && it != end && entries.size() < kMostEntries; it.increment(failed))
    entries.push_back(it->path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

// All files below, a link to one included. Links to folders are followed, as far as the levels go.
std::vector<File> files_below(const fs::path& folder) {
  std::vector<File> files;
  std::error_code failed;
  const auto options = fs::directory_options::skip_permission_denied | fs::directory_options::follow_directory_symlink;
  fs::recursive_directory_iterator it(folder, options, failed);
  for (int count = 0; !failed && it != fs::recursive_directory_iterator() && count < kMostEntries; ++count) {
    std::error_code ignored;
    if (it.depth() >= kMostLevels) it.disable_recursion_pending();
    if (!it->is_directory(ignored)) files.push_back({it->path().lexically_relative(folder).string(), it->path()});
    it.increment(failed);
  }
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.name < b.name; });
  return files;
}

std::string problem_of(const fs::path& path) {
  std::error_code failed;
  if (fs::is_symlink(path, failed) && !fs::exists(path, failed))
    return "the file that it links to is not there (a download that was stopped?): download it again";
  if (!fs::exists(path, failed)) return "the file is not there: download it again";
  std::ifstream in(path, std::ios::binary);
  char magic[4] = {};
  if (!in.read(magic, sizeof magic)) {
    return in.eof() ? "the file is empty or cut off: download it again"
                    : "the file cannot be read: see its permissions";
  }
  return std::string_view(magic, 4) == "GGUF" ? "" : "it is no GGUF file: download it again";
}

std::uint64_t size_of(const fs::path& path) {
  std::error_code failed;
  const std::uintmax_t size = fs::file_size(path, failed);
  return failed ? 0 : size;
}

// One model of each file, or of all parts of one that is split.
std::vector<StoredModel> models_of(const std::vector<File>& files, const std::string& store, const std::string& owner) {
  std::map<std::string, std::map<unsigned, fs::path>> groups;  // by the path without the part's number
  std::map<std::string, unsigned> parts;
  std::string projector;
  for (const File& file : files) {
    const std::string base_name = fs::path(file.name).filename().string();
    const std::optional<SplitName> split = split_name(base_name);
    if (!split) continue;
    if (is_projector_name(base_name)) {
      if (projector.empty()) projector = file.path.string();
      continue;
    }
    const std::string key = (fs::path(file.name).parent_path() / split->base).string();
    groups[key].emplace(split->part, file.path);
    parts[key] = split->parts;
  }
  std::map<std::string, int> uses;  // of each weight type
  for (const auto& [key, group] : groups) ++uses[quantisation_of(fs::path(key).filename().string())];
  std::vector<StoredModel> models;
  for (const auto& [key, group] : groups) {
    const std::string base = fs::path(key).filename().string(), type = quantisation_of(base);
    StoredModel model;
    model.store = store;
    model.path = group.begin()->second.string();
    model.projector = projector;
    model.name = owner.empty() ? base : owner + ":" + (type.empty() || uses[type] > 1 ? base : type);
    model.parts = parts[key];
    for (unsigned part = 1; part <= model.parts && model.problem.empty(); ++part) {
      const auto found = group.find(part);
      if (found == group.end())
        model.problem =
            "part " + std::to_string(part) + " of " + std::to_string(model.parts) + " is missing: download it again";
      else
        model.problem = problem_of(found->second);
    }
    for (const auto& [part, path] : group) model.bytes += size_of(path);
    models.push_back(std::move(model));
  }
  return models;
}

std::string text_of(const fs::path& path, std::uintmax_t most) {
  std::error_code failed;
  if (!fs::is_regular_file(path, failed) || fs::file_size(path, failed) > most || failed) return {};
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// ---- Hugging Face: models--OWNER--NAME/{refs/main, snapshots/COMMIT/FILE -> ../../blobs/ETAG} ----

// The commit that a download without one gives, then others, the newest first.
std::vector<fs::path> snapshots_of(const fs::path& repository) {
  std::string main = text_of(repository / "refs" / "main", 1000);
  while (!main.empty() && (main.back() == '\n' || main.back() == ' ')) main.pop_back();
  std::vector<std::pair<fs::file_time_type, fs::path>> others;
  std::vector<fs::path> all;
  for (const fs::path& snapshot : sorted_entries(repository / "snapshots")) {
    std::error_code failed;
    const fs::file_time_type time = fs::last_write_time(snapshot, failed);
    if (snapshot.filename() == main)
      all.push_back(snapshot);
    else
      others.emplace_back(failed ? fs::file_time_type::min() : time, snapshot);
  }
  std::sort(others.rbegin(), others.rend());
  for (auto& [time, snapshot] : others) all.push_back(std::move(snapshot));
  return all;
}

void find_hugging_face(const std::string& hub, std::vector<StoredModel>* models) {
  constexpr std::string_view kPrefix = "models--";
  for (const fs::path& repository : sorted_entries(hub)) {
    std::string owner = repository.filename().string();
    if (!owner.starts_with(kPrefix)) continue;
    owner.erase(0, kPrefix.size());
    if (const std::size_t dashes = owner.find("--"); dashes != std::string::npos) owner.replace(dashes, 2, "/");
    std::vector<File> files;
    std::set<std::string> seen;
    for (const fs::path& snapshot : snapshots_of(repository))
      for (File& file : files_below(snapshot))
        if (seen.insert(file.name).second) files.push_back(std::move(file));
    for (StoredModel& model : models_of(files, "huggingface", owner)) models->push_back(std::move(model));
  }
}

// ---- Ollama: manifests/HOST/NAMESPACE/NAME/TAG, whose layers are blobs/sha256-DIGEST ----

fs::path blob_of(const fs::path& root, const nlohmann::json& layer) {
  constexpr std::string_view kKind = "sha256:";
  const auto digest = layer.find("digest");
  if (digest == layer.end() || !digest->is_string()) return {};
  const std::string text = digest->get<std::string>();
  const std::string hex = text.substr(std::min(text.size(), kKind.size()));
  const bool right =
      text.starts_with(kKind) && hex.size() == 64 && hex.find_first_not_of("0123456789abcdef") == std::string::npos;
  return right ? root / "blobs" / ("sha256-" + hex) : fs::path();
}

StoredModel ollama_model(const fs::path& root, const fs::path& manifest) {
  StoredModel model;
  model.store = "ollama";
  model.path = manifest.string();
  const nlohmann::json json = nlohmann::json::parse(text_of(manifest, kMostManifestBytes), nullptr, false);
  const auto layers = json.is_object() ? json.find("layers") : json.end();
  if (!json.is_object() || layers == json.end() || !layers->is_array()) {
    model.problem = "its manifest is damaged: 'ollama pull' it again";
    return model;
  }
  fs::path weights, projector;
  for (const nlohmann::json& layer : *layers) {
    if (!layer.is_object() || !layer.contains("mediaType")) continue;
    if (layer["mediaType"] == "application/vnd.ollama.image.model" && weights.empty()) weights = blob_of(root, layer);
    if (layer["mediaType"] == "application/vnd.ollama.image.projector") projector = blob_of(root, layer);
  }
  if (weights.empty()) {
    model.problem = "its manifest names no model: 'ollama pull' it again";
    return model;
  }
  model.path = weights.string();
  model.projector = projector.string();
  model.bytes = size_of(weights);
  model.problem = problem_of(weights);
  return model;
}

void find_ollama(const std::string& folder, std::vector<StoredModel>* models) {
  const fs::path root(folder);
  for (const File& manifest : files_below(root / "manifests")) {
    std::vector<std::string> steps;  // host, namespace, name, tag
    for (const fs::path& step : fs::path(manifest.name)) steps.push_back(step.string());
    if (steps.size() < 3) continue;
    StoredModel model = ollama_model(root, manifest.path);
    std::size_t from = steps.front() == "registry.ollama.ai" ? 1 : 0;
    if (from == 1 && steps[1] == "library") from = 2;
    for (; from + 1 < steps.size(); ++from) model.name += steps[from] + (from + 2 < steps.size() ? "/" : ":");
    model.name += steps.back();
    models->push_back(std::move(model));
  }
}

// ---- LM Studio: PUBLISHER/MODEL/FILE.gguf ----

void find_lm_studio(const std::string& folder, std::vector<StoredModel>* models) {
  std::map<std::string, std::vector<File>> folders;
  for (File& file : files_below(folder)) {
    fs::path place = fs::path(file.name).parent_path();
    folders[place.generic_string()].push_back({fs::path(file.name).filename().string(), std::move(file.path)});
  }
  for (const auto& [place, files] : folders)
    for (StoredModel& model : models_of(files, "lmstudio", place)) models->push_back(std::move(model));
}

// What a model may be called besides its name.
std::set<std::string> aliases_of(const StoredModel& model) {
  std::set<std::string> aliases;
  const std::string name = lower_case(model.name);
  const std::size_t colon = name.rfind(':');
  const std::string tagless = name.substr(0, colon);
  aliases.insert(tagless);
  for (const std::string& whole : {name, tagless})
    if (const std::size_t slash = whole.rfind('/'); slash != std::string::npos) aliases.insert(whole.substr(slash + 1));
  const std::string file = fs::path(model.path).filename().string();
  if (const std::optional<SplitName> split = split_name(file)) {
    aliases.insert(lower_case(file));
    aliases.insert(lower_case(split->base));
  }
  return aliases;
}

}  // namespace

std::string hugging_face_folder() {
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"})
    if (const std::string hub = variable(name); !hub.empty()) return hub;
  if (const std::string home = variable("HF_HOME"); !home.empty()) return (fs::path(home) / "hub").string();
  if (const std::string cache = variable("XDG_CACHE_HOME"); !cache.empty())
    return (fs::path(cache) / "huggingface" / "hub").string();
  const std::string home = home_folder();  // on every system below this one
  return home.empty() ? "" : (fs::path(home) / ".cache" / "huggingface" / "hub").string();
}

StoreFolders usual_store_folders() {
  StoreFolders folders;
  if (const std::string hub = hugging_face_folder(); !hub.empty()) folders.hugging_face.push_back(hub);
  const fs::path home(home_folder());
  if (const std::string ollama = variable("OLLAMA_MODELS"); !ollama.empty()) {
    folders.ollama.push_back(ollama);
  } else {
    if (!home.empty()) folders.ollama.push_back((home / ".ollama" / "models").string());
    folders.ollama.emplace_back("/usr/share/ollama/.ollama/models");  // of its service
  }
  if (!home.empty())
    folders.lm_studio = {(home / ".lmstudio" / "models").string(), (home / ".cache" / "lm-studio" / "models").string()};
  return folders;
}

std::vector<StoredModel> find_models(const StoreFolders& folders) {
  std::vector<StoredModel> models;
  for (const std::string& folder : folders.hugging_face) find_hugging_face(folder, &models);
  for (const std::string& folder : folders.ollama) find_ollama(folder, &models);
  for (const std::string& folder : folders.lm_studio) find_lm_studio(folder, &models);
  return models;
}

std::vector<StoredModel> models_in(const std::string& folder) { return models_of(files_below(folder), "folder", ""); }

std::vector<StoredModel> models_named(const std::vector<StoredModel>& models, std::string_view name) {
  const std::string wanted = lower_case(name);
  for (const StoredModel& model : models)
    if (lower_case(model.name) == wanted || lower_case(model.name) == wanted + ":latest") return {model};
  std::vector<StoredModel> found;
  for (const StoredModel& model : models)
    if (aliases_of(model).contains(wanted)) found.push_back(model);
  return found;
}

}  // namespace pumice_apps
