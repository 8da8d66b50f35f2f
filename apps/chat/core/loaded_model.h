// A model on a device with its context and the branches that it holds. Thread rule: the engine's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chat/core/branches.h"
#include "chat/core/engine_types.h"
#include "chat/core/prompt.h"

namespace pumice_chat {

inline constexpr std::uint32_t kSequences = 24;

// A file of pipelines of a device, under the user's cache folder; empty: there is none.
std::string pipeline_cache_file(const std::string& key);
// How much room is asked for where a model sees so many tokens: several branches shall fit. asked 0: no wish.
std::uint32_t usual_room(std::uint32_t asked, std::uint32_t context_length);
std::vector<DeviceFacts> device_facts(const pumice::Instance& instance);

class LoadedModel {
 public:
  // keep_on: nonzero progress of a load or (warming) of what is prepared; false cancels. Throws pumice::Error.
  using KeepOn = std::function<bool(double fraction, bool warming)>;
  LoadedModel(const pumice::Instance& instance, const LoadOrder& order, const KeepOn& keep_on);

  const ModelFacts& facts() const { return facts_; }
  const PromptMaker& prompts() const { return *prompts_; }
  const pumice::Model& model() const { return *model_; }
  pumice::Context& context() { return *context_; }
  Branches& branches() { return branches_; }
  CacheView view();

 private:
  void make_context(std::uint32_t tokens);
  CacheView::Held view_of(Branches::Branch& branch) const;

  ModelFacts facts_;
  std::optional<pumice::Device> device_;
  std::optional<pumice::Model> model_;
  std::optional<PromptMaker> prompts_;
  std::optional<pumice::Context> context_;
  Branches branches_;
};

}  // namespace pumice_chat
