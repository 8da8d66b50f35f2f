#include "engine/draft.h"

#include <algorithm>
#include <utility>

#include "engine/context.h"

namespace pumice {

Draft::Draft(std::unique_ptr<Context> context) : context_(std::move(context)) {}

Draft::~Draft() = default;

Result<std::unique_ptr<Draft>> Draft::create(const Model& model, const ContextOptions& of) {
  ContextOptions options{.context_tokens = of.context_tokens,
                         .max_sequences = 1,
                         .record_each_step = of.record_each_step,
                         .steps_ahead = of.draft_guesses};
  options.cache.reuse = false;
  PUMICE_ASSIGN(std::unique_ptr<Context> context, Context::create(model, {}, options));
  std::unique_ptr<Draft> draft(new Draft(std::move(context)));
  PUMICE_ASSIGN(draft->sequence_, draft->context_->open_sequence());
  return draft;
}

void Draft::stop() {
  if (request_) request_->cancel = true;  // it ends with the next steps
}

uint64_t Draft::oldest_in_flight() const { return context_->oldest_in_flight(); }

// Goes on from what it has read of the text; the last token is computed again, to draw after it.
Result<void> Draft::begin(TenantId tenant, std::span<const int32_t> text, uint32_t most) {
  const std::vector<int32_t>& known = sequence_->tokens;
  const auto same = static_cast<size_t>(std::ranges::mismatch(known, text).in1 - known.begin());
  const size_t kept = tenant == tenant_ ? std::min(same, text.size() - 1) : 0;
  tenant_ = tenant;
  PUMICE_TRY(context_->truncate(*sequence_, static_cast<uint32_t>(kept)));
  GenerationParams params;
  params.max_tokens = most;
  params.ignore_eos = true;
  PUMICE_ASSIGN(request_, context_->submit(*sequence_, text.subspan(kept), params));
  asked_after_ = text.size();
  return {};
}

bool Draft::asked(TenantId tenant, std::span<const int32_t> text) const {
  const std::vector<int32_t>& known = sequence_->tokens;
  return tenant == tenant_ && asked_after_ == text.size() && known.size() >= text.size() &&
         std::equal(text.begin(), text.end(), known.begin());
}

Result<bool> Draft::guess(TenantId tenant, std::span<const int32_t> text, uint32_t most,
                          std::vector<int32_t>& guesses) {
  guesses.clear();
  if (text.size() + most > context_->options().context_tokens) return true;
  if (!request_) PUMICE_TRY(begin(tenant, text, most));
  const bool same = asked(tenant, text);
  if (!same) stop();
  PUMICE_TRY(context_->step());
  if (request_->status == RequestStatus::kRunning) {
    const bool paused = request_->paused != Status::kOk;
    if (paused) stop();
    return paused;
  }
  const std::shared_ptr<Request> ended = std::exchange(request_, nullptr);
  if (ended->status == RequestStatus::kFailed) return ended->error;
  if (!same || ended->status == RequestStatus::kCancelled) return false;
  guesses = ended->generated;
  if (guesses.size() > most) guesses.resize(most);
  return true;
}

}  // namespace pumice
