// StateStore: the recurrent states of sequences, and snapshots of them: which page of a text each comes after.
//
// A state is all that the layers without attention keep of the tokens so far. It cannot be cut back, so a text can be
// gone on with only where a snapshot was taken: at the end of some of its pages. There are few places for them; that of
// the page whose state was used longest ago is given up first. Thread rule: one thread at a time.
#pragma once

#include <optional>
#include <vector>

#include "kv/pages/page_memory.h"

namespace pumice {

using StateId = uint32_t;  // a place

struct StateStoreOptions {
  PageMemory* memory = nullptr;  // places [0, sequences) are the sequences' own, by slot, then snapshots; outlives it
  uint32_t sequences = 0, snapshots = 0;
};

class StateStore {
 public:
  StateStore(const StateStoreOptions& options, uint32_t pages);

  std::optional<StateId> take();  // a place for a snapshot that the caller has written next; nullopt: none is to be had
  void release(StateId place);    // that was taken and not attached
  // The snapshot is the page's, unless it has one. Returns what detach() takes.
  uint64_t attach(PageId page, StateId place);
  void detach(uint64_t attachment);  // where it is still there
  void forget(PageId page);          // its snapshot, if it has one
  bool has(PageId page) const { return of_page_[page] != kNone; }
  StateId of(PageId page);  // which has one; counts as a use

  PageMemory& memory() { return *options_.memory; }
  uint64_t bytes() const { return options_.memory->page_bytes(); }  // of a state
  uint32_t attached() const { return attached_; }
  uint32_t snapshots() const { return options_.snapshots; }

 private:
  static constexpr StateId kNone = UINT32_MAX;
  enum class Use { kFree, kTaken, kAttached };
  struct Place {
    Use use = Use::kFree;
    PageId page = 0;
    uint64_t attachment = 0, used = 0;
  };
  Place& place(StateId id) { return places_[id - options_.sequences]; }

  StateStoreOptions options_;
  std::vector<Place> places_;     // of snapshots
  std::vector<StateId> of_page_;  // kNone: it has none
  uint64_t clock_ = 0, attachments_ = 0;
  uint32_t attached_ = 0;
};

}  // namespace pumice
