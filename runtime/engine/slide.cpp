// The part of Context that lets a sequence go on when its context is full.
#include "engine/slide.h"

#include <algorithm>

#include "engine/context.h"
#include "kernels/kv_shift.h"

namespace pumice {

uint32_t pages_to_drop(uint32_t full, uint32_t sinks, uint32_t tokens) {
  constexpr uint32_t kShare = 8;
  const uint32_t droppable = full - std::min(full, sinks);
  const uint32_t needed = std::max(1u, divide_up(tokens, kPageTokens));
  return needed > droppable ? 0 : std::max(needed, droppable / kShare);
}

Result<void> Context::check_slide(const ModelConfig& config, const ContextOptions& options) {
  if (!options.slide) return {};
  const uint32_t sinks = divide_up(options.sink_tokens, kPageTokens);
  if (options.context_tokens / kPageTokens < sinks + 2)
    return error(Status::kInvalidArgument,
                 "a context of %u tokens has no room to slide after %u sink tokens; make it %u tokens or larger",
                 options.context_tokens, options.sink_tokens, (sinks + 2) * kPageTokens);
  if (options.disable_kv_cache)
    return error(Status::kInvalidArgument, "a context cannot slide without its KV cache; stop when it is full instead");
  if (!can_shift(options.kv_type, config.rope_pairs, config.rotary))
    return error(
        Status::kUnsupported,
        "keys of type %s cannot be moved when the context slides; use f16 or f32 for keys (values may have any "
        "type) or stop when it is full",
        type_name(options.kv_type));
  return {};
}

// `computed`: leading tokens whose keys and values are in the pages; nothing of the sequence is in flight. Returns how
// many tokens were dropped; 0: none can be.
Result<uint32_t> Context::slide(Sequence& sequence, uint32_t computed, uint32_t tokens) {
  const uint32_t sinks = divide_up(options_.sink_tokens, kPageTokens);
  const uint32_t count = pages_to_drop(computed / kPageTokens, sinks, tokens);
  if (count == 0) return 0u;
  PUMICE_ASSIGN(const bool own, cache_->drop(sequence.kv, sinks, count));
  if (!own) return 0u;
  const uint32_t dropped = count * kPageTokens;
  const auto first = sequence.tokens.begin() + sinks * kPageTokens;
  sequence.tokens.erase(first, first + dropped);
  sequence.dropped += dropped;
  write_page_table(sequence);
  write_token_log(sequence);
  // Draws depend on the seed and the position, and positions come again.
  ++recorder_.sampler(sequence.slot).seed_high;
  const auto last = static_cast<uint32_t>(sequence.tokens.size()) - 1;
  PUMICE_TRY(recorder_.submit_shift({.first_page = sinks,
                                     .pages = static_cast<uint32_t>(sequence.kv.pages.size()) - sinks,
                                     .shift = dropped,
                                     .next = {.token = static_cast<uint32_t>(sequence.tokens[last]),
                                              .position = last,
                                              .slot = sequence.slot,
                                              .live = 1}}));
  ++stats_.submissions;
  return dropped;
}

// Before `tokens` are appended to a sequence on which nothing runs; one more position stays free for what they draw.
Result<void> Context::slide_for_prompt(Sequence& sequence, size_t tokens) {
  const size_t total = sequence.tokens.size() + tokens + 1;
  if (!options_.slide || total <= options_.context_tokens) return {};
  PUMICE_ASSIGN(const uint32_t dropped,
                slide(sequence, sequence.computed, static_cast<uint32_t>(total - options_.context_tokens)));
  sequence.computed -= dropped;
  return {};
}

// Before the next step of a request with nothing in flight, where it has no room. false: it must end.
Result<bool> Context::slide_request(Request& request) {
  PUMICE_ASSIGN(const uint32_t dropped, slide(*request.sequence, request.scheduled, 1));
  request.scheduled -= dropped;
  request.drawn -= dropped;
  return dropped > 0;
}

}  // namespace pumice
