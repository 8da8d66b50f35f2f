// Models from Hugging Face into its own cache, where the catalog finds them: what stopped goes on where it was, and
// each file is checked by its SHA-256. Nothing connects anywhere before begin(). Thread rule: the thread to which
// `post` posts; the network has a thread of its own.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "chat/core/task_thread.h"
#include "common/download.h"
#include "common/repository.h"

namespace pumice_chat {

struct HubProgress {
  std::string file;
  std::uint64_t done = 0, total = 0;  // bytes of all files
};

struct HubEnd {
  pumice_apps::DownloadEnd end = pumice_apps::DownloadEnd::kDone;
  std::string reason, path;  // path: of the model
};

class Hub {
 public:
  using OnProgress = std::function<void(HubProgress)>;
  using OnEnd = std::function<void(HubEnd)>;

  Hub(Post post, OnProgress on_progress, OnEnd on_end)
      : post_(std::move(post)), on_progress_(std::move(on_progress)), on_end_(std::move(on_end)) {}
  ~Hub() { stop_ = true; }
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  static bool available() { return pumice_apps::Downloader::available(); }
  // "OWNER/NAME" or "OWNER/NAME:Q4_K_M". False: it is neither.
  bool begin(const std::string& repository);
  void pause() { stop_ = true; }  // what has come is kept; begin() goes on

 private:
  HubEnd pull(const pumice_apps::RepositoryName& name);
  HubEnd pull_files(const pumice_apps::RepositoryName& name, const pumice_apps::Repository& repository,
                    const pumice_apps::RepositoryModel& model, pumice_apps::Downloader& downloader);

  Post post_;
  OnProgress on_progress_;
  OnEnd on_end_;
  std::atomic<bool> stop_ = false;
  TaskThread thread_;
};

}  // namespace pumice_chat
