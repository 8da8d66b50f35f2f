// WindowStore: keys and values of layers that see no further back than a window.
//
// Such layers have pages of their own, far fewer than texts have: each is the part of a page of the KV cache (PageId)
// in these layers. A text is computed on only where the pages that its window covers have their parts. Those are pinned
// while a sequence computes; of the others, the one used longest ago is given up first. Thread rule: one thread at a
// time.
#pragma once

#include <vector>

#include "kv/pages/page_allocator.h"
#include "kv/pages/page_memory.h"
#include "shared/step_params.h"

namespace pumice {

using WindowId = PageId;  // a place for a part

struct WindowStoreOptions {
  PageAllocator* places = nullptr;
  PageMemory* memory = nullptr;  // both outlive it
  uint32_t tokens = 0;           // a position sees itself and so many less one before it
};

class WindowStore {
 public:
  WindowStore(const WindowStoreOptions& options, uint32_t pages)
      : options_(options), parts_(options.places->pages()), of_page_(pages, kNone) {}

  uint32_t first_page(uint32_t position) const;  // of those that the position sees

  // The most of the first `tokens` tokens of a text after which it can be gone on with: all, or whole pages.
  // page_at(i): its page i.
  template <typename PageAt>
  uint32_t resumable(PageAt&& page_at, uint32_t tokens) const {
    uint32_t page = tokens / kPageTokens + (tokens % kPageTokens != 0 ? 1 : 0);
    while (page > first_page(tokens))
      if (!has(page_at(--page))) tokens = page * kPageTokens;
    return tokens;
  }

  bool has(PageId page) const { return of_page_[page] != kNone; }
  WindowId of(PageId page) const { return of_page_[page]; }  // which has one
  bool give(PageId page, TenantId tenant);  // a part, to a page without; false: as many as there are places are pinned
  void move(PageId from, PageId to);        // from's part to a page without, with its pins
  void forget(PageId page);                 // its part, if it has one; nobody has it pinned
  void pin(PageId page);                    // which has one
  void unpin(PageId page);
  void drop(PageId page);  // unpins it, and forgets it where nobody else has it pinned

  PageAllocator& places() { return *options_.places; }
  PageMemory& memory() { return *options_.memory; }
  uint64_t bytes() const { return options_.memory->page_bytes(); }  // of a part

 private:
  static constexpr WindowId kNone = UINT32_MAX;
  struct Part {
    PageId page = kNone;  // kNone: free
    uint32_t pins = 0;
    uint64_t used = 0;
  };
  bool make_room();

  WindowStoreOptions options_;
  std::vector<Part> parts_;  // by place
  std::vector<WindowId> of_page_;
  uint64_t clock_ = 0;
};

}  // namespace pumice
