#include "engine/speculation.h"

#include <algorithm>
#include <utility>

namespace pumice {

// What a check cannot take back or follow: states, tokens that move, masks, and penalties for what is only guessed.
bool Speculation::allowed(const Request& request, ActiveRequests active) const {
  const SamplerParams& sampler = request.params.sampler;
  const bool penalties = sampler.repeat_penalty != 1 || sampler.frequency_penalty != 0 || sampler.presence_penalty != 0;
  return options_.most_guesses() > 0 && active.size() == 1 && !request.suspending && !options_.slide &&
         !options_.disable_kv_cache && !cache_.keeps_states() && !request.params.matcher && !penalties &&
         !request.params.log_probabilities && request.sequence->pictures.empty() && !recorder_.in_frames() &&
         (!options_.guesses_must_pay || request.gain.worth_trying(request.generated_tokens));
}

// What the text itself says is known at once; a draft is asked for the rest.
Speculation::Found Speculation::find_guesses(Request& request) {
  const std::vector<int32_t>& tokens = request.sequence->tokens;
  const auto total = static_cast<uint32_t>(tokens.size());
  uint32_t most = options_.context_tokens - std::min(options_.context_tokens, total + 1);
  const uint32_t wanted = request.params.max_tokens;
  if (wanted != 0) most = std::min(most, wanted - std::min(wanted, request.generated_tokens + 1));
  if (options_.guesses_must_pay) most = std::min(most, request.gain.most());
  request.guesses.resize(std::min(options_.guesses, most));
  request.guesses.resize(guess_next(tokens, request.guesses));
  const bool known = !request.guesses.empty();
  if (!known && !draft_) return Found::kNothing;
  const auto count = known ? static_cast<uint32_t>(request.guesses.size()) : std::min(options_.draft_guesses, most);
  if (count == 0) return Found::kNothing;
  // While its pipelines are being made, plain steps go on.
  const Result<bool> ready = recorder_.check_ready(*request.sequence, count, end_of(request.params));
  if (!ready || !*ready) return Found::kNothing;
  return known ? Found::kGuesses : ask_draft(request, count);
}

// It goes on from the text's end, so steps in flight end first. One that fails is not asked again.
Speculation::Found Speculation::ask_draft(Request& request, uint32_t most) {
  drafting_ = true;
  if (!request.in_flight.empty()) return Found::kLater;
  const Sequence& sequence = *request.sequence;
  const Result<bool> there = draft_->guess(sequence.kv.tenant, sequence.tokens, most, request.guesses);
  if (!there) draft_ = nullptr;
  if (!there) return Found::kNothing;
  return !*there ? Found::kLater : request.guesses.empty() ? Found::kNothing : Found::kGuesses;
}

// false: there is no room for it.
Result<bool> Speculation::begin_check(Request& request) {
  Sequence& sequence = *request.sequence;
  const auto total = static_cast<uint32_t>(sequence.tokens.size());
  const auto count = static_cast<uint32_t>(request.guesses.size());
  if (!pages_.reserve(sequence, total + count)) return false;
  PUMICE_TRY(pages_.prepare(sequence, total - 1, count + 1));
  PUMICE_ASSIGN(const uint64_t value, recorder_.submit_check(sequence, request.guesses, end_of(request.params)));
  request.in_flight.push_back({.value = value, .log_position = total, .guesses = count});
  ++stats_.submissions;
  stats_.guessed_tokens += count;
  return true;
}

// The next plain step begins with the last token, which a check has drawn. false: later.
Result<bool> Speculation::resume(Request& request) {
  if (!request.checked) return true;
  PUMICE_ASSIGN(const bool ready, recorder_.row_ready());
  if (!ready) return false;
  const Sequence& sequence = *request.sequence;
  const auto last = static_cast<uint32_t>(sequence.tokens.size()) - 1;
  PUMICE_TRY(recorder_.submit_shift({.next = {.token = static_cast<uint32_t>(sequence.tokens[last]),
                                              .position = last,
                                              .slot = sequence.slot,
                                              .live = 1}}));
  request.checked = false;
  return true;
}

void Speculation::schedule(ActiveRequests active) {
  const bool drafted = std::exchange(drafting_, false);
  for (const std::shared_ptr<Request>& shared : active) {
    Request& request = *shared;
    if (request.phase != RequestPhase::kDecode || request.ending) continue;
    request.held_back = !request.in_flight.empty() && request.in_flight.back().guesses > 0;
    if (request.held_back) continue;
    const Found found = allowed(request, active) ? find_guesses(request) : Found::kNothing;
    if (found == Found::kLater || (found == Found::kGuesses && !request.in_flight.empty())) {
      request.held_back = true;
      continue;
    }
    Result<bool> begun = found == Found::kGuesses ? begin_check(request) : Result<bool>(false);
    request.held_back = begun && *begun;
    if (begun && !*begun) {
      begun = resume(request);
      request.held_back = begun && !*begun;
    }
    if (!begun) request.fail(std::move(begun).error());
  }
  if (drafted && !drafting_ && draft_) draft_->stop();
}

void Speculation::collected(Request& request, const InFlight& check) {
  const auto total = static_cast<uint32_t>(request.sequence->tokens.size());
  const uint32_t taken = total - check.log_position;
  request.drawn = total;
  request.scheduled = total - 1;
  request.draws += taken;
  request.checked = true;
  stats_.accepted_tokens += taken - 1;
}

}  // namespace pumice
