#include "common/repository.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "common/model_files.h"

namespace pumice_apps {

namespace {

bool made_of(const std::string& text, std::string_view letters) {
  return !text.empty() && text.find_first_not_of(letters) == std::string::npos;
}

bool is_hex(const std::string& text, std::size_t digits) {
  return text.size() == digits && made_of(text, "0123456789abcdef");
}

bool is_step(const std::string& step) {
  return !step.empty() && step != "." && step != ".." && step.size() < 256 &&
         step.find_first_of(std::string_view("\\/\0", 3)) == std::string::npos;
}

// A path that stays inside of the folder that it is relative to.
bool is_inside(const std::string& path) {
  std::size_t from = 0;
  while (true) {
    const std::size_t slash = path.find('/', from);
    if (!is_step(path.substr(from, slash - from))) return false;
    if (slash == std::string::npos) return true;
    from = slash + 1;
  }
}

std::string text_at(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string base_of(const std::string& path) {
  const std::string file = path.substr(path.rfind('/') + 1);
  const std::optional<SplitName> split = split_name(file);
  return split ? split->base : file;
}

}  // namespace

std::optional<RepositoryName> repository_name(const std::string& said) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  const std::size_t slash = said.find('/'), colon = said.find(':');
  if (slash == std::string::npos || (colon != std::string::npos && colon < slash)) return {};
  RepositoryName name{said.substr(0, slash), said.substr(slash + 1, colon - slash - 1), ""};
  if (colon != std::string::npos) name.quantisation = said.substr(colon + 1);
  const auto right = [&](const std::string& part) { return made_of(part, kLetters) && is_step(part); };
  if (!right(name.owner) || !right(name.name)) return {};
  return name;
}

std::optional<Repository> parse_repository(const std::string& text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  Repository repository;
  if (!json.is_object()) return {};
  repository.commit = text_at(json, "sha");
  const auto files = json.find("siblings");
  if (!is_hex(repository.commit, 40) || files == json.end() || !files->is_array()) return {};
  for (const nlohmann::json& file : *files) {
    if (!file.is_object()) return {};
    RepositoryFile one{text_at(file, "rfilename"), 0, ""};
    if (!split_name(one.path)) continue;
    if (!is_inside(one.path)) return {};
    const auto lfs = file.find("lfs");
    if (lfs == file.end() || !lfs->is_object()) continue;
    one.sha256 = text_at(*lfs, "sha256");
    if (one.sha256.empty()) one.sha256 = text_at(*lfs, "oid");
    const auto size = lfs->find("size");
    if (!is_hex(one.sha256, 64) || size == lfs->end() || !size->is_number_unsigned()) return {};
    one.bytes = size->get<std::uint64_t>();
    repository.files.push_back(std::move(one));
  }
  return repository;
}

std::uint64_t RepositoryModel::bytes() const {
  std::uint64_t sum = 0;
  for (const RepositoryFile& file : files) sum += file.bytes;
  return sum;
}

std::vector<RepositoryModel> models_of(const Repository& repository) {
  std::map<std::string, std::vector<RepositoryFile>> groups;  // by path, without the parts' numbers
  for (const RepositoryFile& file : repository.files) {
    if (is_projector_name(file.path)) continue;
    groups[file.path.substr(0, file.path.rfind('/') + 1) + base_of(file.path)].push_back(file);
  }
  std::map<std::string, int> uses;
  for (const auto& [path, files] : groups) ++uses[quantisation_of(base_of(files.front().path))];
  std::vector<RepositoryModel> models;
  for (auto& [path, files] : groups) {
    std::sort(files.begin(), files.end(),
              [](const RepositoryFile& a, const RepositoryFile& b) { return a.path < b.path; });
    const std::string base = base_of(files.front().path), type = quantisation_of(base);
    models.push_back({type.empty() || uses[type] > 1 ? base : type, std::move(files)});
  }
  return models;
}

const RepositoryModel* choose(const std::vector<RepositoryModel>& models, const std::string& quantisation) {
  const auto named = [&](std::string_view name) -> const RepositoryModel* {
    const std::string wanted = lower_case(name);
    for (const RepositoryModel& model : models) {
      const std::string path = lower_case(model.files.front().path);
      if (lower_case(model.name) == wanted || path == wanted || path == wanted + ".gguf") return &model;
    }
    return nullptr;
  };
  if (!quantisation.empty()) return named(quantisation);
  for (const char* usual : {"Q4_K_M", "MXFP4", "Q4_K_S", "Q4_0", "Q4_1", "Q5_K_M", "Q6_K", "Q8_0"})
    if (const RepositoryModel* model = named(usual)) return model;
  const auto smallest = std::min_element(models.begin(), models.end(),
                                         [](const auto& a, const auto& b) { return a.bytes() < b.bytes(); });
  return smallest == models.end() ? nullptr : &*smallest;
}

const RepositoryFile* projector_of(const Repository& repository) {
  static constexpr std::string_view kUsual[] = {"F16", "BF16", "F32", "Q8_0"};
  const auto rank = [](const RepositoryFile& file) {
    return std::find(std::begin(kUsual), std::end(kUsual), quantisation_of(base_of(file.path))) - std::begin(kUsual);
  };
  const RepositoryFile* best = nullptr;
  for (const RepositoryFile& file : repository.files)
    if (is_projector_name(file.path) && (!best || rank(file) < rank(*best))) best = &file;
  return best;
}

}  // namespace pumice_apps
