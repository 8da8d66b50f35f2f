// The models of this machine, read where they lie, and what each would take. Thread rule: the thread to which `post`
// posts; files are read on a thread of its own.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chat/core/engine_types.h"
#include "chat/core/task_thread.h"
#include "common/model_store.h"

namespace pumice_chat {

struct ModelDetails {
  std::string path, name, architecture, weight_types;
  std::uint64_t parameters = 0;
  std::uint32_t context_tokens = 0;                  // that it was made for
  std::uint64_t weights = 0, kv = 0, workspace = 0;  // bytes on a device
  bool talks = false;                                // it has a chat template, or one is known for it
  std::string problem;                               // why it cannot be opened
  std::uint64_t total() const { return weights + kv + workspace; }
};

class ModelCatalog {
 public:
  explicit ModelCatalog(Post post) : post_(std::move(post)) {}

  // The bundled one first. folder: a further one to look in; empty: none.
  void list(const std::string& folder, std::function<void(std::vector<pumice_apps::StoredModel>)> then);
  // Without loading it. context_tokens: as of LoadOrder.
  void look(const std::string& path, std::uint32_t context_tokens, std::function<void(ModelDetails)> then);

 private:
  ModelDetails look_now(const std::string& path, std::uint32_t context_tokens);

  Post post_;
  std::optional<pumice::Instance> instance_;  // the thread's
  TaskThread thread_;
};

}  // namespace pumice_chat
