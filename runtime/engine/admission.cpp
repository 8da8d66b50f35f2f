#include "engine/admission.h"

#include <algorithm>
#include <new>
#include <ranges>

namespace pumice {
namespace {

bool has_pages(const Request& request) { return request.phase != RequestPhase::kQueued; }

}  // namespace

Result<void> Admission::check_possible(uint32_t tokens) const {
  if (divide_up(tokens, kPageTokens) <= (short_of_memory() ? full_pages_ : cache_.limit())) return {};
  return error(Status::kContextFull, "%u tokens are more than the cache's limit of %u; raise it or shorten the prompt",
               tokens, cache_.limit() * kPageTokens);
}

void Admission::admit(ActiveRequests active) {
  uint32_t waiting = 0;
  for (const std::shared_ptr<Request>& shared : active) {
    Request& request = *shared;
    request.queue_place = 0;
    if (request.ending || has_pages(request)) continue;
    if (waiting == 0) {
      Result<Entry> entry = enter(request, active);
      if (!entry) request.fail(std::move(entry).error());
      if (!entry || *entry != Entry::kNoPages) continue;
      const bool alone = std::ranges::none_of(active, [](const auto& other) { return has_pages(*other); });
      if (alone && short_of_memory()) {
        request.paused = Status::kOutOfDeviceMemory;
      } else if (alone) {
        request.fail(no_room(request.prompt_end));
        continue;
      }
    }
    request.queue_place = ++waiting;
  }
}

Result<Admission::Entry> Admission::enter(Request& request, ActiveRequests active) {
  if (request.refused && *request.refused == pages_.supply()) return Entry::kNoPages;
  Result<Entry> entry = Entry::kNoPages;
  try {
    entry = take_pages(request, active);
  } catch (const std::bad_alloc&) {
    entry = Error{Status::kOutOfHostMemory, "out of memory"};
  }
  if (entry && *entry != Entry::kNoPages) return entry;
  leave(request);
  request.refused = pages_.supply();
  return entry;
}

Result<Admission::Entry> Admission::take_pages(Request& request, ActiveRequests active) {
  Sequence& sequence = *request.sequence;
  PUMICE_ASSIGN(const bool entered, pages_.enter(sequence, true, !request.looked_up));
  if (!entered) return Entry::kNoPages;
  request.looked_up = true;
  request.scheduled = request.ready = sequence.computed;
  if (computed_by_another(request, active)) return Entry::kLater;
  if (!pages_.reserve(sequence, request.prompt_end)) return Entry::kNoPages;
  if (sequence.computed <= cache_.shared_tokens(sequence.kv))
    cache_.begin_fetch(sequence.kv, reusable(sequence), request.fetch);
  sequence.parked.reset();
  sequence.computing = true;
  request.phase = RequestPhase::kFetching;
  return Entry::kAdmitted;
}

void Admission::leave(Request& request) {
  pages_.cut(*request.sequence, request.held);
  request.scheduled = request.ready = request.sequence->computed;
}

// Whether a request before this one soon has pages that this one would compute, too: they will be found then. Those are
// found when its whole prompt has been computed, which must not take much longer.
bool Admission::computed_by_another(const Request& request, ActiveRequests active) const {
  constexpr uint32_t kPatience = 2;  // of another's tokens for one of its own
  const Sequence& sequence = *request.sequence;
  if (!options_.cache.reuse || !sequence.kv.sealing) return false;
  const std::span<const int32_t> tokens = reusable(sequence);
  for (const std::shared_ptr<Request>& other : active) {
    if (other.get() == &request) break;
    const Sequence& before = *other->sequence;
    if (other->ending || other->suspending || !has_pages(*other) || other->ready >= other->prompt_end) continue;
    if (before.kv.root != sequence.kv.root || !before.kv.sealing) continue;
    const auto end = std::ranges::mismatch(tokens, before.tokens).in1;
    const auto same = static_cast<uint32_t>(end - tokens.begin()) / kPageTokens * kPageTokens;
    if (cache_.keeps_states()) {
      // Only a snapshot there would be found: the other one is asked for it, where it is not beyond.
      if (other->scheduled >= same) continue;
      other->sequence->kv.branch = same;
    }
    if (same > sequence.computed && other->prompt_end - other->ready <= kPatience * (same - sequence.computed))
      return true;
  }
  return false;
}

Result<bool> Admission::arrived(Request& request) {
  if (request.phase != RequestPhase::kFetching) return true;
  Sequence& sequence = *request.sequence;
  if (cache_.advance_fetch(sequence.kv, reusable(sequence), request.fetch)) return false;
  PUMICE_ASSIGN(const bool taken, pages_.take_fetched(sequence, request.prompt_end));
  if (!taken) {
    suspend(request);
    return false;
  }
  request.scheduled = request.ready = sequence.computed;
  request.phase = RequestPhase::kPrefill;
  if (request.generated_tokens > 0) return true;  // it was told before
  stats_.cached_tokens += request.scheduled;
  request.cached_tokens =
      request.prompt_tokens - std::min(request.prompt_tokens, request.prompt_end - request.scheduled);
  // What the tiers brought stands behind what the device had.
  uint32_t left = request.cached_tokens;
  for (size_t source = kKvSources; --source > 0;) {
    request.cached_from[source] = std::min(left, request.fetch.taken[source] * kPageTokens);
    left -= request.cached_from[source];
  }
  request.cached_from[0] = left;
  return true;
}

Admission::Shortage Admission::relieve(Request& request, ActiveRequests active) {
  bool first = true, younger = true;
  for (const std::shared_ptr<Request>& other : active | std::views::reverse) {
    if (other.get() == &request) {
      younger = false;
      continue;
    }
    if (!has_pages(*other)) continue;
    if (!younger) first = false;
    if (other->ending) return Shortage::kWait;  // its pages come free
    if (!younger || !other->sequence->recomputable) continue;
    if (!other->in_flight.empty()) {
      other->suspending = true;
      return Shortage::kWait;
    }
    suspend(*other);
    return Shortage::kRetry;
  }
  if (first && !short_of_memory()) return Shortage::kEnd;
  if (first) request.paused = Status::kOutOfDeviceMemory;
  if (request.sequence->recomputable) suspend(request);
  return Shortage::kWait;
}

void Admission::suspend(Request& request) {
  Sequence& sequence = *request.sequence;
  request.fetch = {};
  request.suspending = false;
  request.phase = RequestPhase::kQueued;
  sequence.computing = false;
  request.held = 0;
  request.refused.reset();
  request.prompt_end = request.drawn = static_cast<uint32_t>(sequence.tokens.size());
  pages_.seal(sequence);
  leave(request);
}

}  // namespace pumice
