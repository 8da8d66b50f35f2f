// What lies in the pages of a group, for those who look at the cache.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "engine/context.h"

namespace pumice {

struct PageView {
  PageId page = 0;
  uint32_t position = 0;   // of its first token in its text
  uint32_t sequences = 0;  // that hold it
  bool shared = false;     // its content is known: others may find it
  bool pinned = false;
  uint32_t uses = 0;                    // times that it was found again
  KvSource origin = KvSource::kDevice;  // where its content came from last; the device: it was computed
  double idle_seconds = 0;              // since it was last asked for, or left by its last sequence; 0: not shared
};

// The shared pages of the group's texts, then those that its sequences have alone, as far as they hold tokens. Other
// groups' pages are not shown. Costs a look at every block of the pool.
std::vector<PageView> view_pages(Context& context, std::string_view group);
// Of a sequence's pages those that hold tokens.
std::span<const PageId> filled_pages(const Sequence& sequence);

}  // namespace pumice
