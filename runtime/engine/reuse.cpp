// The part of Context that takes keys and values over instead of computing them.
#include "engine/reuse.h"

#include <algorithm>

#include "engine/context.h"

namespace pumice {

Result<void> Context::enter(Sequence& sequence, bool reuse) {
  if (options_.disable_kv_cache) return {};
  const std::span<const int32_t> tokens = reuse ? reusable(sequence) : std::span<const int32_t>();
  PUMICE_ASSIGN(const bool own, cache_->settle(sequence.kv, tokens, sequence.computed));
  if (!own) return no_room(1);
  if (reuse) sequence.computed = std::max(sequence.computed, cache_->match(sequence.kv, tokens, true));
  write_page_table(sequence);
  return {};
}

Result<void> Context::fetch_now(Sequence& sequence) {
  constexpr double kLookSeconds = 0.002;
  PrefixFetch fetch;
  cache_->begin_fetch(sequence.kv, reusable(sequence), fetch);
  for (;;) {
    PUMICE_ASSIGN(const bool waits, cache_->advance_fetch(sequence.kv, reusable(sequence), fetch));
    if (!waits) break;
    (void)fetch.reading->wait(kLookSeconds);
  }
  sequence.computed = std::max(sequence.computed, cache_->shared_tokens(sequence.kv));
  write_page_table(sequence);
  return {};
}

// Whether a request before this one is computing the page that comes next: it will be found then.
bool Context::computed_by_another(const Request& request) {
  Sequence& sequence = *request.sequence;
  for (const std::shared_ptr<Request>& other : active_) {
    if (other.get() == &request) break;
    if (other->ending || other->ready >= other->prompt_end) continue;
    if (cache_->next_page_is_same(sequence.kv, other->sequence->kv, reusable(sequence))) return true;
  }
  return false;
}

// true: the next page of the prompt is on its way, so it is not computed now.
Result<bool> Context::wait_for_pages(Request& request) {
  Sequence& sequence = *request.sequence;
  const auto total = static_cast<uint32_t>(sequence.tokens.size());
  if (request.scheduled >= total || !request.in_flight.empty()) return false;
  if (!options_.disable_kv_cache) {
    (void)cache_->match(sequence.kv, reusable(sequence), false);
    if (computed_by_another(request)) return true;
  }
  PUMICE_TRY(reserve_all(sequence, total));
  PUMICE_ASSIGN(const bool waits, cache_->advance_fetch(sequence.kv, reusable(sequence), request.fetch));
  if (waits) return true;
  request.scheduled = std::max(request.scheduled, cache_->shared_tokens(sequence.kv));
  request.ready = request.scheduled;
  write_page_table(sequence);
  if (!request.begun) {
    stats_.cached_tokens += request.scheduled;
    request.cached_tokens =
        request.prompt_tokens - std::min(request.prompt_tokens, request.prompt_end - request.scheduled);
    request.begun = true;
  }
  return false;
}

Result<Sequence*> Context::fork(Sequence& sequence, uint32_t tokens) {
  PUMICE_TRY(check_idle(sequence));
  if (tokens > sequence.tokens.size())
    return error(Status::kInvalidArgument, "the sequence has %zu tokens, not %u", sequence.tokens.size(), tokens);
  PUMICE_ASSIGN(Sequence* const copy, open_sequence());
  const uint32_t computed = std::min(sequence.computed, tokens);
  Result<PageList> pages = cache_->fork(sequence.kv, sequence.tokens, computed);
  write_page_table(sequence);  // pages may have been found to be there already
  if (!pages) {
    close_sequence(copy);
    return std::move(pages).error();
  }
  copy->kv = std::move(pages).value();
  copy->tokens.assign(sequence.tokens.begin(), sequence.tokens.begin() + tokens);
  copy->computed = computed;
  write_page_table(*copy);
  return copy;
}

Result<Sequence*> Context::restore(std::string_view group, std::vector<int32_t> tokens, uint32_t computed,
                                   uint64_t dropped, const std::function<Result<std::vector<std::byte>>()>& next_page) {
  PUMICE_ASSIGN(Sequence* const sequence, open_sequence(group));
  const auto fill = [&]() -> Result<void> {
    PUMICE_TRY(reserve_all(*sequence, computed));
    for (const PageId page : sequence->kv.pages) {
      PUMICE_ASSIGN(const std::vector<std::byte> bytes, next_page());
      PUMICE_TRY(cache_->write_page(page, bytes));
    }
    return {};
  };
  if (Result<void> filled = fill(); !filled) {
    close_sequence(sequence);
    return std::move(filled).error();
  }
  if (computed > 0 || dropped > 0) sequence->kv.sealing = false;
  sequence->tokens = std::move(tokens);
  sequence->computed = computed;
  sequence->dropped = dropped;
  return sequence;
}

}  // namespace pumice
