// The part of StepRecorder that moves pages of a sequence to earlier positions.
#include <algorithm>

#include "engine/step_recorder.h"
#include "kernels/kv_shift.h"

namespace pumice {

void StepRecorder::record_shift(Recorder recorder, const PageShift& shift) {
  if (shift.pages == 0) return;
  const ModelSpec& spec = model_->spec();
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const AttentionSpec& attention = spec.layers[i].attention;
    const RopeSpec& rope = spec.rope(spec.layers[i]);
    if (attention.heads == 0 || rope.rotary == 0 || attention.cache_layer) continue;
    const uint32_t skipped = windowed_[i] ? std::max(shift.first_window_page, shift.first_page) - shift.first_page : 0;
    if (skipped >= shift.pages) continue;
    kv_shift(recorder,
             {.pages = pages_[i],
              .frequencies = model_->weights().ropes[attention.rope].for_context(rope, options_.context_tokens),
              .slot = shift.next.slot,
              .first = shift.first_page + skipped,
              .count = shift.pages - skipped,
              .shift = shift.shift,
              .kv_heads = attention.kv_heads,
              .head_dim = attention.head_dim,
              .rotary = rope.rotary,
              .pairs = rope.pairs});
  }
}

Result<void> StepRecorder::submit_shift(const PageShift& shift) {
  PUMICE_ASSIGN(Lane* const lane, next_lane(changes_, next_change_));
  if (options_.profile) collect_profile();
  lane->stream.begin();
  record_shift({model_->kernels(), lane->stream}, shift);
  const uint32_t words[] = {shift.next.token, shift.next.position, shift.next.slot,
                            shift.next.live,  shift.next.turn,     shift.next.grid};
  static_assert(sizeof words == sizeof(StepRow));
  for (size_t i = 0; i < std::size(words); ++i)
    lane->stream.fill({slot_rows_, shift.next.slot * sizeof(StepRow) + 4 * i, 4}, words[i]);
  PUMICE_TRY(lane->stream.end());
  std::replace(batch_slots_.begin(), batch_slots_.end(), shift.next.slot, kNoSlot);
  PUMICE_ASSIGN(row_readers_[shift.next.slot], submit(*lane));
  return {};
}

}  // namespace pumice
