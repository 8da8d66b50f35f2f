#include "chat/core/hub.h"

#include <cctype>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "common/model_store.h"
#include "common/system.h"

namespace pumice_chat {

namespace fs = std::filesystem;
using pumice_apps::DownloadEnd;
using pumice_apps::Repository;
using pumice_apps::RepositoryFile;
using pumice_apps::RepositoryModel;
using pumice_apps::RepositoryName;

namespace {

std::string hub_variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string hub_address() {
  std::string address = hub_variable("HF_ENDPOINT");
  while (address.ends_with('/')) address.pop_back();
  return address.empty() ? "https://huggingface.co" : address;
}

std::string url_path(const std::string& path) {
  constexpr const char* kDigits = "0123456789ABCDEF";
  std::string text;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || std::string_view("/._-~").find(c) != std::string_view::npos)
      text += c;
    else
      text += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return text;
}

HubEnd disk(const std::string& what, const std::error_code& failed) {
  return {DownloadEnd::kDisk, what + ": " + failed.message(), {}};
}

// The file's name beside others of the same commit, as Hugging Face's own programs have it.
HubEnd link_name(const fs::path& blob, const fs::path& name) {
  std::error_code failed;
  fs::create_directories(name.parent_path(), failed);
  fs::remove(name, failed);
  fs::create_symlink(blob.lexically_relative(name.parent_path()), name, failed);
  return failed ? disk(name.string(), failed) : HubEnd();
}

}  // namespace

bool Hub::begin(const std::string& repository) {
  const std::optional<RepositoryName> name = pumice_apps::repository_name(repository);
  if (!name) return false;
  stop_ = false;
  thread_.add([this, name = *name] {
    const HubEnd end = pull(name);
    post_([this, end] { on_end_(end); });
  });
  return true;
}

HubEnd Hub::pull(const RepositoryName& name) {
  pumice_apps::Downloader downloader(hub_variable("HF_TOKEN"));
  const std::string url = hub_address() + "/api/models/" + name.id() + "/revision/main?blobs=true";
  std::string text;
  const pumice_apps::DownloadResult got = downloader.get(url, &text, [this] { return !stop_; });
  if (got.end != DownloadEnd::kDone) return {got.end, got.reason, {}};
  const std::optional<Repository> repository = pumice_apps::parse_repository(text);
  if (!repository) return {DownloadEnd::kNotFound, url + " does not answer as Hugging Face does", {}};
  const std::vector<RepositoryModel> models = pumice_apps::models_of(*repository);
  const RepositoryModel* model = pumice_apps::choose(models, name.quantisation);
  if (model) return pull_files(name, *repository, *model, downloader);
  std::string has;
  for (const RepositoryModel& one : models) has += (has.empty() ? "" : ", ") + one.name;
  return {DownloadEnd::kNotFound,
          has.empty() ? name.id() + " has no GGUF files; look for one whose name ends in -GGUF"
                      : name.id() + " has no " + name.quantisation + ", but " + has,
          {}};
}

HubEnd Hub::pull_files(const RepositoryName& name, const Repository& repository, const RepositoryModel& model,
                       pumice_apps::Downloader& downloader) {
  const std::string cache = pumice_apps::hugging_face_folder();
  if (cache.empty()) return {DownloadEnd::kDisk, "there is no home folder to keep models in: set HF_HOME", {}};
  const fs::path folder = fs::path(cache) / ("models--" + name.owner + "--" + name.name);
  if (const std::uint64_t room = pumice_apps::free_bytes(folder.string()); model.bytes() > room)
    return {DownloadEnd::kDisk, "there is too little room in " + folder.string(), {}};
  std::error_code failed;
  fs::create_directories(folder / "blobs", failed);
  if (failed) return disk(folder.string(), failed);
  std::uint64_t before = 0;
  auto told = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  for (const RepositoryFile& file : model.files) {
    const fs::path blob = folder / "blobs" / file.sha256;
    if (!fs::exists(blob, failed)) {
      pumice_apps::DownloadOrder order;
      order.url = hub_address() + "/" + name.id() + "/resolve/" + repository.commit + "/" + url_path(file.path);
      order.target = blob.string();
      order.part = blob.string() + ".pumice-part";
      order.bytes = file.bytes;
      order.sha256 = file.sha256;
      order.keep_on = [&](const pumice_apps::DownloadProgress& progress) {
        if (std::chrono::steady_clock::now() - told > std::chrono::milliseconds(100)) {
          told = std::chrono::steady_clock::now();
          post_([this, news = HubProgress{file.path, before + progress.done, model.bytes()}] { on_progress_(news); });
        }
        return !stop_;
      };
      const pumice_apps::DownloadResult got = downloader.fetch(order);
      if (got.end != DownloadEnd::kDone) return {got.end, got.reason, {}};
    }
    before += file.bytes;
    if (HubEnd end = link_name(blob, folder / "snapshots" / repository.commit / file.path);
        end.end != DownloadEnd::kDone)
      return end;
  }
  fs::create_directories(folder / "refs", failed);
  (void)pumice_apps::write_durably((folder / "refs" / "main").string(), repository.commit);
  return {DownloadEnd::kDone, {}, (folder / "snapshots" / repository.commit / model.files.front().path).string()};
}

}  // namespace pumice_chat
