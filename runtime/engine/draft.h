// Draft: a small model of the same vocabulary that runs ahead of a text; what it would say next are guesses.
//
// It has a context of one sequence, which holds what the draft has read of the text so far, and from which the rest is
// computed. Nothing waits: guesses are asked for again until they are there. Thread rule: that of the context that it
// guesses for.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "engine/context_options.h"
#include "kv/kv_cache.h"

namespace pumice {

class Context;
struct Request;
struct Sequence;

class Draft {
 public:
  // model: of the draft, on the device of the context with these options; it outlives the draft.
  static Result<std::unique_ptr<Draft>> create(const Model& model, const ContextOptions& of);
  ~Draft();

  // At most so many of what follows the text; none where the draft has no room for more. false: not yet. tenant: texts
  // of another one leave nothing behind that would make this one's guesses come sooner.
  Result<bool> guess(TenantId tenant, std::span<const int32_t> text, uint32_t most, std::vector<int32_t>& guesses);
  // Nobody asks for what was begun any more.
  void stop();
  uint64_t oldest_in_flight() const;  // 0: nothing is

 private:
  explicit Draft(std::unique_ptr<Context> context);
  Result<void> begin(TenantId tenant, std::span<const int32_t> text, uint32_t most);
  bool asked(TenantId tenant, std::span<const int32_t> text) const;

  std::unique_ptr<Context> context_;
  Sequence* sequence_ = nullptr;
  std::shared_ptr<Request> request_;  // null: none runs
  size_t asked_after_ = 0;            // tokens of the text that it goes on with
  TenantId tenant_{};
};

}  // namespace pumice
