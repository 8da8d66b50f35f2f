#include "kv/state_store.h"

namespace pumice {

StateStore::StateStore(const StateStoreOptions& options, uint32_t pages)
    : options_(options), places_(options.snapshots), of_page_(pages, kNone) {}

std::optional<StateId> StateStore::take() {
  Place* best = nullptr;
  for (Place& candidate : places_) {
    if (candidate.use == Use::kTaken) continue;
    if (candidate.use == Use::kFree) {
      best = &candidate;
      break;
    }
    if (!best || candidate.used < best->used) best = &candidate;
  }
  if (!best) return std::nullopt;
  if (best->use == Use::kAttached) forget(best->page);
  best->use = Use::kTaken;
  return static_cast<StateId>(best - places_.data()) + options_.sequences;
}

void StateStore::release(StateId id) { place(id) = {}; }

uint64_t StateStore::attach(PageId page, StateId id) {
  if (has(page)) {
    release(id);
    return place(of(page)).attachment;
  }
  place(id) = {.use = Use::kAttached, .page = page, .attachment = ++attachments_, .used = ++clock_};
  of_page_[page] = id;
  ++attached_;
  return attachments_;
}

void StateStore::detach(uint64_t attachment) {
  for (const Place& candidate : places_)
    if (candidate.use == Use::kAttached && candidate.attachment == attachment) return forget(candidate.page);
}

void StateStore::forget(PageId page) {
  if (!has(page)) return;
  place(of_page_[page]) = {};
  of_page_[page] = kNone;
  --attached_;
}

StateId StateStore::of(PageId page) {
  place(of_page_[page]).used = ++clock_;
  return of_page_[page];
}

}  // namespace pumice
