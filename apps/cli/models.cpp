// `pumice models`: what is in the folders of Hugging Face, Ollama and LM Studio; and what -m means.
#include "models.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "commands.h"
#include "common/model_store.h"
#include "output.h"

namespace pumice_cli {

namespace {

using Json = nlohmann::ordered_json;
using pumice_apps::StoredModel;

struct ModelsFlags {
  std::string folder;
  DeviceFlags device;
  bool json = false;
};

// Of each PumiceModelKind: its name, and the commands that take it.
struct Kind {
  const char* name;
  const char* commands;
};
constexpr Kind kKinds[] = {{"decoder", ""},
                           {"encoder", "pumice embed"},
                           {"translation", "pumice translate"},
                           {"speech", "pumice transcribe"},
                           {"projector", "--mmproj of pumice run"}};

struct ListedModel {
  StoredModel stored;
  PumiceModelInfo info = pumice_model_info_init();
  std::optional<PumiceEstimate> memory;
  std::string problem;  // why it does not run here

  const Kind& kind() const { return kKinds[std::min<std::size_t>(info.kind, std::size(kKinds) - 1)]; }
  std::uint64_t bytes() const { return memory->weights_bytes + memory->kv_bytes + memory->workspace_bytes; }
};

// Of the device that would be taken; 0: there is none.
std::uint64_t device_memory(const pumice::Instance& instance) {
  try {
    for (const PumiceDeviceInfo& device : instance.devices())
      if (device.is_default) return device.budget_bytes;
  } catch (const pumice::Error&) {  // no Vulkan: the list is of use all the same
  }
  return 0;
}

ListedModel look_at(const pumice::Instance& instance, StoredModel stored) {
  ListedModel listed;
  listed.stored = std::move(stored);
  listed.problem = listed.stored.problem;
  if (!listed.problem.empty()) return listed;
  try {
    const pumice::Model model = pumice::Model(instance, listed.stored.path);
    listed.info = model.info();
    if (listed.info.kind == PUMICE_MODEL_DECODER) listed.memory = model.estimate(pumice_context_options_init());
  } catch (const pumice::Error& error) {
    if (error.code() == PUMICE_OUT_OF_HOST_MEMORY) throw;
    listed.problem = error.what();
  }
  return listed;
}

Json json_of(const ListedModel& listed, std::uint64_t device_bytes) {
  Json json = {{"name", listed.stored.name},   {"store", listed.stored.store}, {"path", listed.stored.path},
               {"bytes", listed.stored.bytes}, {"parts", listed.stored.parts}, {"family", listed.info.architecture}};
  if (!listed.stored.projector.empty()) json["projector"] = listed.stored.projector;
  json["parameters"] = listed.info.parameters;
  json["context_length"] = listed.info.context_length;
  json["kind"] = listed.kind().name;
  json["runs"] = listed.problem.empty();
  if (!listed.problem.empty()) json["problem"] = listed.problem;
  if (listed.memory) {
    json["memory_bytes"] = listed.bytes();
    json["fits"] = device_bytes > 0 ? Json(listed.bytes() <= device_bytes) : Json(nullptr);
  }
  return json;
}

std::string row_of(const ListedModel& listed, std::uint64_t device_bytes, std::size_t name_width) {
  std::string fit = printable(listed.problem);
  if (listed.problem.empty() && listed.memory) {
    const bool large = device_bytes > 0 && listed.bytes() > device_bytes;
    fit = fmt::format("{} of memory{}", format_bytes(listed.bytes()), large ? ": more than the device has" : "");
  }
  if (listed.problem.empty() && listed.info.kind != PUMICE_MODEL_DECODER)
    fit = fmt::format("{}: {}", listed.kind().name, listed.kind().commands);
  const std::string name = printable(listed.stored.name);
  return fmt::format("{:<{}}  {:<10} {:>10}  {}\n", name, name_width,
                     listed.info.architecture[0] ? printable(listed.info.architecture) : "-",
                     format_bytes(listed.stored.bytes), fit);
}

int list_models(const ModelsFlags& flags) {
  Messages messages(flags.device);
  const pumice::Instance instance = open_instance(flags.device, &messages);
  const std::vector<StoredModel> found = flags.folder.empty()
                                             ? pumice_apps::find_models(pumice_apps::usual_store_folders())
                                             : pumice_apps::models_in(flags.folder);
  const std::uint64_t device_bytes = device_memory(instance);
  std::size_t width = 0;
  for (const StoredModel& model : found) width = std::max(width, printable(model.name).size());
  Json list = Json::array();
  for (const StoredModel& model : found) {
    const ListedModel listed = look_at(instance, model);
    if (flags.json)
      list.push_back(json_of(listed, device_bytes));
    else
      write_stdout(row_of(listed, device_bytes, width));
  }
  if (flags.json) write_stdout(list.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  if (found.empty() && !flags.device.quiet)
    note("no models found: 'pumice pull OWNER/REPOSITORY' downloads one; -m takes any GGUF file");
  return messages.exit_code();
}

std::string names_of(const std::vector<StoredModel>& models, bool paths) {
  constexpr std::size_t kMostNames = 8;
  std::string names;
  for (std::size_t i = 0; i < std::min(models.size(), kMostNames); ++i)
    names += (i == 0 ? "" : ", ") + printable(paths ? models[i].path : models[i].name);
  return names + (models.size() > kMostNames ? fmt::format(" and {} more", models.size() - kMostNames) : "");
}

// The one that is meant, if it can be opened. Throws Failure.
std::string only_one(const std::vector<StoredModel>& models, const std::string& said, bool paths) {
  if (models.size() > 1)
    throw Failure(kExitUsage, fmt::format("{} may be {} models: say which with -m: {}", printable(said), models.size(),
                                          names_of(models, paths)));
  if (!models.front().problem.empty())
    throw Failure(kExitBadModel, fmt::format("{} ({}): {}", printable(models.front().name),
                                             printable(models.front().path), models.front().problem));
  return models.front().path;
}

bool looks_like_a_path(const std::string& said) {
  return said.starts_with('/') || said.starts_with('.') || said.starts_with('~') || said.ends_with(".gguf") ||
         said.ends_with(".bin");
}

}  // namespace

std::string path_of_model(const std::string& said) {
  std::error_code ignored;
  if (std::filesystem::is_directory(said, ignored)) {
    const std::vector<StoredModel> models = pumice_apps::models_in(said);
    if (!models.empty()) return only_one(models, said, true);
    throw Failure(kExitNotFound, fmt::format("the folder {} has no GGUF file; 'pumice convert' makes one of a folder "
                                             "in Hugging Face's form",
                                             printable(said)));
  }
  if (std::filesystem::exists(said, ignored)) return said;
  const std::vector<StoredModel> models =
      pumice_apps::models_named(pumice_apps::find_models(pumice_apps::usual_store_folders()), said);
  if (!models.empty()) return only_one(models, said, false);
  if (looks_like_a_path(said)) return said;  // the library says why it cannot be opened
  const bool repository = std::count(said.begin(), said.end(), '/') == 1;
  throw Failure(kExitNotFound,
                fmt::format("{} is neither a file nor a model that 'pumice models' lists{}", printable(said),
                            repository ? fmt::format("; 'pumice pull {}' downloads it", printable(said)) : ""));
}

std::string projector_of_model(const std::string& said) {
  const std::string path = path_of_model(said);
  std::vector<StoredModel> models = pumice_apps::models_in(std::filesystem::path(path).parent_path().string());
  for (const StoredModel& stored : pumice_apps::find_models(pumice_apps::usual_store_folders()))
    models.push_back(stored);
  const auto is_it = [&](const StoredModel& model) { return model.path == path && !model.projector.empty(); };
  const auto found = std::find_if(models.begin(), models.end(), is_it);
  return found == models.end() ? "" : found->projector;
}

void add_models_command(CLI::App* app, Action* action) {
  auto flags = std::make_shared<ModelsFlags>();
  CLI::App* command = app->add_subcommand("models", "list the models that -m knows by name");
  command->footer(
      "\nLooks into the folders of Hugging Face (HF_HUB_CACHE, HF_HOME), Ollama (OLLAMA_MODELS) and LM Studio. Each "
      "line\n"
      "has a name for -m, the family, the size, and the device memory with the default context; of what writes no text "
      "the\n"
      "command that takes it; or why it does not run.\n");
  command->add_option("folder", flags->folder, "look into this folder instead")
      ->check(CLI::ExistingDirectory.description(""))
      ->type_name("FOLDER");
  command->add_flag("--json", flags->json, "a list of objects");
  add_verbosity_flags(command, &flags->device);
  command->callback([=] { *action = [flags] { return list_models(*flags); }; });
}

}  // namespace pumice_cli
