#include "engine/sequence_table.h"

#include <algorithm>
#include <utility>

namespace pumice {
namespace {

Result<void> check_length(const Sequence& sequence, uint32_t tokens) {
  if (tokens <= sequence.tokens.size()) return {};
  return error(Status::kInvalidArgument, "the sequence has %zu tokens, not %u", sequence.tokens.size(), tokens);
}

Result<void> check_cut(const Sequence& sequence, uint32_t tokens) {
  const SequencePicture* inside = picture_at(sequence.pictures, tokens);
  if (!inside || inside->first == tokens) return {};
  return error(Status::kInvalidArgument, "a picture has tokens %u to %u; cut before or behind it", inside->first,
               inside->end() - 1);
}

// Closes a sequence that its maker does not hand out.
class Unfinished {
 public:
  Unfinished(SequenceTable& table, Sequence* sequence) : table_(table), sequence_(sequence) {}
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  ~Unfinished() {
    if (sequence_) table_.close(*sequence_);
  }
  Sequence* operator->() const { return sequence_; }
  Sequence& operator*() const { return *sequence_; }
  Sequence* hand_out() { return std::exchange(sequence_, nullptr); }

 private:
  SequenceTable& table_;
  Sequence* sequence_;
};

}  // namespace

Result<void> check_idle(const Sequence& sequence) {
  if (!sequence.busy) return {};
  return error(Status::kInvalidArgument, "a request runs on the sequence; wait for it or cancel it first");
}

Result<Sequence*> SequenceTable::open(std::string_view group) {
  const auto free = std::ranges::find_if(slots_, [](const auto& sequence) { return !sequence; });
  if (free == slots_.end())
    return error(Status::kOutOfDeviceMemory,
                 "all %zu sequences of the context are in use; destroy one, or raise max_sequences", slots_.size());
  auto sequence = std::make_unique<Sequence>();
  sequence->slot = static_cast<uint32_t>(free - slots_.begin());
  sequence->kv = cache_.open(cache_.tenant(group));
  sequence->kv.sealing = !options_.disable_kv_cache;  // which writes every page again in each step
  *free = std::move(sequence);
  return free->get();
}

void SequenceTable::close(Sequence& sequence) {
  pages_.wait_for_steps(sequence);  // of a request or evaluation that failed, and of a slide
  pages_.release(sequence, 0);
  slots_[sequence.slot].reset();
}

Result<void> SequenceTable::truncate(Sequence& sequence, uint32_t tokens) {
  PUMICE_TRY(check_idle(sequence));
  PUMICE_TRY(check_length(sequence, tokens));
  PUMICE_TRY(check_cut(sequence, tokens));
  PUMICE_TRY(pages_.unpark_now(sequence));
  sequence.tokens.resize(tokens);
  sequence.cut_pictures(tokens);
  sequence.limit_computed(tokens);
  pages_.release(sequence, tokens);
  return {};
}

void SequenceTable::set_adapters(Sequence& sequence, SequenceAdapters adapters) {
  PageList fresh = cache_.open(sequence.kv.tenant, adapters.identity);
  fresh.sealing = sequence.kv.sealing;
  pages_.wait_for_steps(sequence);
  pages_.release(sequence, 0);
  sequence.kv = std::move(fresh);
  sequence.adapters = std::move(adapters);
}

Result<Sequence*> SequenceTable::fork(Sequence& sequence, uint32_t tokens) {
  PUMICE_TRY(check_idle(sequence));
  PUMICE_TRY(check_length(sequence, tokens));
  PUMICE_TRY(check_cut(sequence, tokens));
  PUMICE_TRY(pages_.unpark_now(sequence));
  PUMICE_ASSIGN(Sequence* const opened, open({}));
  Unfinished copy(*this, opened);
  copy->tokens.assign(sequence.tokens.begin(), sequence.tokens.begin() + tokens);
  copy->pictures = sequence.pictures;
  copy->whole_pictures = sequence.whole_pictures;
  copy->dropped = sequence.dropped;
  copy->adapters = sequence.adapters;
  copy->recomputable = sequence.recomputable;
  const uint32_t computed = sequence.edge(std::min(sequence.verified, tokens));
  Result<PageList> pages = cache_.fork(sequence.kv, sequence.tokens, computed);
  while (!pages && pages.error().status == Status::kContextFull && pages_.give_up_idle(sequence))
    pages = cache_.fork(sequence.kv, sequence.tokens, computed);
  pages_.write_table(sequence);  // pages may have been found to be there already
  PUMICE_ASSIGN(copy->kv, std::move(pages));
  copy->kv.pictures = sequence.kv.pictures;
  copy->cut_pictures(tokens);
  copy->computed = copy->verified = computed;
  if (cache_.keeps_states() && sequence.state_at == computed) {
    PUMICE_TRY(cache_.copy_state(sequence.slot, copy->slot));
    copy->state_at = computed;
  }
  pages_.write_table(*copy);
  return copy.hand_out();
}

Result<Sequence*> SequenceTable::restore(std::string_view group, SavedSequence saved) {
  PUMICE_ASSIGN(Sequence* const opened, open(group));
  Unfinished sequence(*this, opened);
  set_adapters(*sequence, std::move(saved.adapters));
  // What a sliding context has no room for is dropped when the sequence goes on, and all behind the sinks with it.
  if (saved.tokens.size() > options_.context_tokens) {
    saved.computed = std::min(saved.computed, divide_up(options_.sink_tokens, kPageTokens) * kPageTokens);
    saved.beside.clear();
  }
  PUMICE_TRY(pages_.reserve_all(*sequence, saved.computed));
  for (const PageId page : sequence->kv.pages) {
    PUMICE_ASSIGN(const std::vector<std::byte> bytes, saved.next_page());
    PUMICE_TRY(cache_.write_page(page, bytes));
  }
  PUMICE_TRY(cache_.write_beside(sequence->kv, sequence->slot, saved.computed, saved.beside));
  sequence->state_at = saved.computed;
  if (saved.computed > 0 || saved.dropped > 0) sequence->kv.sealing = sequence->recomputable = false;
  sequence->tokens = std::move(saved.tokens);
  for (const SequencePicture& picture : saved.pictures)
    sequence->kv.pictures.push_back(
        {.first = picture.first, .count = picture.content->rows(), .identity = picture.content->identity});
  sequence->pictures = std::move(saved.pictures);
  sequence->whole_pictures = saved.whole_pictures;
  sequence->computed = sequence->verified = saved.computed;
  sequence->dropped = saved.dropped;
  return sequence.hand_out();
}

}  // namespace pumice
