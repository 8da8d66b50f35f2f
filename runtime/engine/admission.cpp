#include "engine/admission.h"

#include <algorithm>

namespace pumice {

Result<void> Admission::begin(Request& request) {
  Sequence& sequence = *request.sequence;
  if (options_.disable_kv_cache) sequence.computed = 0;
  request.prompt_end = static_cast<uint32_t>(sequence.tokens.size());
  request.drawn = request.prompt_end;
  PUMICE_TRY(pages_.enter(sequence, true));
  request.scheduled = request.ready = sequence.computed;
  cache_.begin_fetch(sequence.kv, reusable(sequence), request.fetch);
  return {};
}

// Whether a request before this one is computing the page that comes next: it will be found then.
bool Admission::computed_by_another(const Request& request, std::span<const std::shared_ptr<Request>> active) {
  Sequence& sequence = *request.sequence;
  for (const std::shared_ptr<Request>& other : active) {
    if (other.get() == &request) break;
    if (other->ending || other->ready >= other->prompt_end) continue;
    if (cache_.next_page_is_same(sequence.kv, other->sequence->kv, reusable(sequence))) return true;
  }
  return false;
}

Result<bool> Admission::admits(Request& request, std::span<const std::shared_ptr<Request>> active) {
  Sequence& sequence = *request.sequence;
  const auto total = static_cast<uint32_t>(sequence.tokens.size());
  if (request.scheduled >= total || !request.in_flight.empty()) return true;
  if (!options_.disable_kv_cache) {
    (void)cache_.match(sequence.kv, reusable(sequence), false);
    if (computed_by_another(request, active)) return false;
  }
  PUMICE_TRY(pages_.reserve_all(sequence, total));
  PUMICE_ASSIGN(const bool waits, cache_.advance_fetch(sequence.kv, reusable(sequence), request.fetch));
  if (waits) return false;
  request.scheduled = std::max(request.scheduled, cache_.shared_tokens(sequence.kv));
  request.ready = request.scheduled;
  pages_.write_table(sequence);
  if (!request.begun) {
    stats_.cached_tokens += request.scheduled;
    request.cached_tokens =
        request.prompt_tokens - std::min(request.prompt_tokens, request.prompt_end - request.scheduled);
    request.begun = true;
  }
  return true;
}

}  // namespace pumice
