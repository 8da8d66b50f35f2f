#include "engine/sampling.h"

#include <algorithm>

namespace pumice {

void Sampling::begin(Sequence& sequence, const GenerationParams& params) {
  sequence.moves = 0;
  go_on(sequence, params);
}

void Sampling::go_on(const Sequence& sequence, const GenerationParams& params) {
  SamplerParams known = params.sampler;
  // Where there are more than the device knows, steps ahead of one of the others are thrown away.
  const auto count = static_cast<uint32_t>(std::min<size_t>(stop_tokens_.size(), kMaxStopTokens));
  known.stop_count = params.ignore_eos ? 0 : count;
  for (uint32_t i = 0; i < known.stop_count; ++i) known.stop_tokens[i] = static_cast<uint32_t>(stop_tokens_[i]);
  known.masked = params.matcher ? 1 : 0;
  known.seed_high += sequence.moves;
  recorder_.sampler(sequence.slot) = known;
  write_log(sequence);
}

void Sampling::moved(Sequence& sequence) {
  write_log(sequence);
  ++sequence.moves;
  // Draws depend on the seed and the position, and positions come again.
  ++recorder_.sampler(sequence.slot).seed_high;
}

Result<void> Sampling::mask(Request& request) {
  if (!request.params.matcher) return {};
  PUMICE_ASSIGN(const grammar::Mask* const mask, request.params.matcher->mask());
  const std::span<uint32_t> words = recorder_.mask(request.sequence->slot);
  const size_t known = std::min(words.size(), mask->size());
  std::copy_n(mask->begin(), known, words.begin());
  std::fill(words.begin() + static_cast<ptrdiff_t>(known), words.end(), 0);
  const auto set = [](uint32_t word) { return word != 0; };
  if (std::none_of(words.begin(), words.end(), set))
    return error(Status::kUnsupported, "the grammar goes on with bytes that no token of the vocabulary has");
  return {};
}

int32_t Sampling::drawn(const Sequence& sequence, uint32_t position) const {
  return static_cast<int32_t>(recorder_.token_log(sequence.slot)[position]);
}

bool Sampling::stops(const GenerationParams& params, int32_t token) const {
  return !params.ignore_eos && std::find(stop_tokens_.begin(), stop_tokens_.end(), token) != stop_tokens_.end();
}

void Sampling::write_log(const Sequence& sequence) {
  std::ranges::transform(sequence.tokens, recorder_.token_log(sequence.slot),
                         [](int32_t token) { return static_cast<uint32_t>(token); });
}

}  // namespace pumice
