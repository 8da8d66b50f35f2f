// `pumice pull`: a model from Hugging Face into its cache, where -m finds it.
#include <fmt/format.h>

#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>

#include "commands.h"
#include "common/download.h"
#include "common/model_store.h"
#include "common/repository.h"
#include "common/system.h"
#include "interrupt.h"
#include "output.h"
#include "session.h"

namespace pumice_cli {

namespace {

namespace fs = std::filesystem;
using pumice_apps::DownloadEnd;
using pumice_apps::Downloader;
using pumice_apps::DownloadResult;
using pumice_apps::Repository;
using pumice_apps::RepositoryFile;
using pumice_apps::RepositoryModel;
using pumice_apps::RepositoryName;

struct PullFlags {
  std::string repository;
  DeviceFlags device;  // for --quiet
  bool list = false, no_projector = false;
  std::uint32_t retries = 5;
};

// Hugging Face's own program keeps it in a file.
std::string user_token() {
  if (std::string token = pumice_apps::variable("HF_TOKEN"); !token.empty()) return token;
  std::string home = pumice_apps::variable("HF_HOME"), token;
  if (const std::string user = pumice_apps::home_folder(); home.empty() && !user.empty())
    home = user + "/.cache/huggingface";
  if (home.empty() || pumice_apps::read_all(home + "/token", &token) != 0) return {};
  while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ') token.pop_back();
  return token;
}

std::string endpoint() {
  std::string address = pumice_apps::variable("HF_ENDPOINT");
  while (address.ends_with('/')) address.pop_back();
  return address.empty() ? "https://huggingface.co" : address;
}

// A path in a URL.
std::string escaped(const std::string& path) {
  std::string text;
  for (const char c : path) {
    const bool plain =
        std::isalnum(static_cast<unsigned char>(c)) || std::string_view("/._-~").find(c) != std::string::npos;
    text += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return text;
}

// Throws what a download that is not done means.
void require_done(const DownloadResult& result, const std::string& what) {
  const std::string said = fmt::format("{}: {}", printable(what), printable(result.reason));
  switch (result.end) {
    case DownloadEnd::kDone:
      return;
    case DownloadEnd::kStopped:
      throw Failure(kExitInterrupted, "interrupted; what has come is kept, and the same command goes on with it");
    case DownloadEnd::kNotFound:
      throw Failure(kExitNotFound, said);
    case DownloadEnd::kDisk:
      throw Failure(kExitIo, said + "; what has come is kept: make room, and the same command goes on");
    case DownloadEnd::kNoNetwork:
      throw Failure(kExitDownload, said + "; what has come is kept: the same command goes on with it");
    case DownloadEnd::kChanged:
    case DownloadEnd::kCorrupt:
      throw Failure(kExitDownload, said + "; it was thrown away: the same command tries again");
  }
}

class Puller {
 public:
  Puller(const PullFlags& flags, const RepositoryName& name)
      : flags_(flags), name_(name), downloader_(user_token()), folder_(pumice_apps::hugging_face_folder()) {
    if (folder_.empty()) throw Failure(kExitUsage, "there is no home folder to keep models in: set HF_HOME");
    folder_ /= "models--" + name.owner + "--" + name.name;
  }

  void run() {
    const Repository repository = read_repository();
    const std::vector<RepositoryModel> models = pumice_apps::models_of(repository);
    if (models.empty())
      throw Failure(kExitNotFound, fmt::format("{} has no GGUF files; look for a repository of the same model whose "
                                               "name ends in -GGUF",
                                               printable(name_.id())));
    if (flags_.list) return print(models);
    const RepositoryModel* model = pumice_apps::choose(models, name_.quantisation);
    if (!model)
      throw Failure(kExitNotFound, fmt::format("{} has no {}, but {}", printable(name_.id()),
                                               printable(name_.quantisation), names_in(models)));
    std::vector<RepositoryFile> files = model->files;
    const RepositoryFile* projector = flags_.no_projector ? nullptr : pumice_apps::projector_of(repository);
    if (projector) files.push_back(*projector);
    check_room(files);
    for (const RepositoryFile& file : files) pull(repository, file);
    write(folder_ / "refs" / "main", repository.commit);
    write_stdout((folder_ / "snapshots" / repository.commit / model->files.front().path).string() + "\n");
    if (!flags_.device.quiet)
      note(fmt::format("done: -m {}:{} names it{}", printable(name_.id()), printable(model->name),
                       projector ? "; it sees what --image names" : ""));
  }

 private:
  Repository read_repository() {
    const std::string url = endpoint() + "/api/models/" + name_.id() + "/revision/main?blobs=true";
    std::string text;
    require_done(downloader_.get(url, &text, [] { return !interrupted(); }), name_.id());
    std::optional<Repository> repository = pumice_apps::parse_repository(text);
    if (!repository)
      throw Failure(kExitDownload, fmt::format("{} does not answer as Hugging Face does", printable(url)));
    return std::move(*repository);
  }

  static std::string names_in(const std::vector<RepositoryModel>& models) {
    std::string names;
    for (const RepositoryModel& model : models) names += (names.empty() ? "" : ", ") + printable(model.name);
    return names;
  }

  void print(const std::vector<RepositoryModel>& models) const {
    for (const RepositoryModel& model : models)
      write_stdout(fmt::format("{}:{}  {}\n", name_.id(), printable(model.name), format_bytes(model.bytes())));
  }

  fs::path blob(const RepositoryFile& file) const { return folder_ / "blobs" / file.sha256; }
  fs::path part(const RepositoryFile& file) const { return folder_ / "blobs" / (file.sha256 + ".pumice-part"); }

  std::uint64_t missing(const RepositoryFile& file) const {
    std::error_code failed;
    if (fs::exists(blob(file), failed)) return 0;
    const std::uintmax_t there = fs::file_size(part(file), failed);
    return failed || there > file.bytes ? file.bytes : file.bytes - there;
  }

  void check_room(const std::vector<RepositoryFile>& files) const {
    std::uint64_t needed = 0;
    for (const RepositoryFile& file : files) needed += missing(file);
    const std::uint64_t room = pumice_apps::free_bytes(folder_.string());
    if (needed > room)
      throw Failure(kExitIo,
                    fmt::format("{} more are needed, and {} are free in {}: make room, or set HF_HOME to another "
                                "folder",
                                format_bytes(needed), format_bytes(room), printable(folder_.string())));
  }

  void pull(const Repository& repository, const RepositoryFile& file) {
    std::error_code failed;
    fs::create_directories(folder_ / "blobs", failed);
    if (!fs::exists(blob(file), failed)) {
      pumice_apps::DownloadOrder order;
      order.url = endpoint() + "/" + name_.id() + "/resolve/" + repository.commit + "/" + escaped(file.path);
      order.target = blob(file).string();
      order.part = part(file).string();
      order.bytes = file.bytes;
      order.sha256 = file.sha256;
      order.retries = flags_.retries;
      const double start = now_ms();
      std::optional<std::uint64_t> first;
      order.keep_on = [&](const pumice_apps::DownloadProgress& progress) {
        if (!first) first = progress.done;
        if (!flags_.device.quiet)
          show(file, progress, progress.done - std::min(*first, progress.done), now_ms() - start);
        return !interrupted();
      };
      const DownloadResult result = downloader_.fetch(order);
      show_progress("");
      require_done(result, file.path);
    }
    link(repository, file);
  }

  static void show(const RepositoryFile& file, const pumice_apps::DownloadProgress& progress, std::uint64_t fresh,
                   double ms) {
    static double last = 0;
    constexpr double kRedrawMs = 200;
    if (now_ms() - last < kRedrawMs) return;
    last = now_ms();
    const double rate = ms > 0 ? 1000.0 * static_cast<double>(fresh) / ms : 0;
    const double left =
        rate > 0 ? static_cast<double>(progress.total - std::min(progress.done, progress.total)) / rate : 0;
    show_progress(fmt::format("{} {} of {}, {}/s, {:.0f} s left", file.path, format_bytes(progress.done),
                              format_bytes(progress.total), format_bytes(static_cast<std::uint64_t>(rate)), left));
  }

  void link(const Repository& repository, const RepositoryFile& file) const {
    std::error_code failed;
    const fs::path name = folder_ / "snapshots" / repository.commit / file.path;
    fs::create_directories(name.parent_path(), failed);
    fs::remove(name, failed);
    fs::create_symlink(blob(file).lexically_relative(name.parent_path()), name, failed);
    if (failed) throw Failure(kExitIo, fmt::format("cannot write {}: {}", printable(name.string()), failed.message()));
  }

  static void write(const fs::path& path, const std::string& text) {
    std::error_code failed;
    fs::create_directories(path.parent_path(), failed);
    const int reason = pumice_apps::write_durably(path.string(), text);
    if (reason != 0)
      throw Failure(kExitIo,
                    fmt::format("cannot write {}: {}", printable(path.string()), pumice_apps::reason_text(reason)));
  }

  const PullFlags& flags_;
  const RepositoryName& name_;
  Downloader downloader_;
  fs::path folder_;
};

int pull(const PullFlags& flags) {
  if (!Downloader::available())
    throw Failure(kExitUsage, "this build has no libcurl: install libcurl4-openssl-dev and build again");
  const std::optional<RepositoryName> name = pumice_apps::repository_name(flags.repository);
  if (!name)
    throw Failure(kExitUsage, fmt::format("{} is not OWNER/NAME or OWNER/NAME:TYPE, such as "
                                          "ggml-org/gemma-3-270m-it-GGUF:Q8_0",
                                          printable(flags.repository)));
  catch_interrupts();
  Puller(flags, *name).run();
  return kExitOk;
}

}  // namespace

void add_pull_command(CLI::App* app, Action* action) {
  auto flags = std::make_shared<PullFlags>();
  CLI::App* command = app->add_subcommand("pull", "download a model from Hugging Face");
  command->footer(
      "\nOf a repository with several models, Q4_K_M is taken where nothing else is said; with it comes what it sees\n"
      "pictures with, if there is such a file. Both go into Hugging Face's own\n"
      "cache (HF_HUB_CACHE, HF_HOME), checked by its SHA-256; its path goes to standard output. Ctrl-C keeps what has\n"
      "come, and the same command goes on with it. HF_TOKEN opens what is not for everybody, HF_ENDPOINT names "
      "another\n"
      "server, and the usual variables name proxies.\n");
  command->add_option("repository", flags->repository, "OWNER/NAME, with :TYPE such as :Q8_0")
      ->required()
      ->type_name("REPOSITORY");
  command->add_flag("--list", flags->list, "list its models instead");
  command->add_flag("--no-mmproj", flags->no_projector, "leave out what the model sees pictures with");
  command->add_option("--retries", flags->retries, "how often to try again where nothing comes, each time later")
      ->type_name("N")
      ->capture_default_str();
  add_verbosity_flags(command, &flags->device);
  command->callback([=] { *action = [flags] { return pull(*flags); }; });
}

}  // namespace pumice_cli
