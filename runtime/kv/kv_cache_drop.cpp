// The part of KvCache that takes pages out of the middle of a list.
#include "kv/kv_cache.h"

namespace pumice {

// This is where shared pages are copied before their keys are moved.
Result<bool> KvCache::drop(PageList& list, uint32_t first, uint32_t count) {
  PUMICE_CHECK(first + count <= list.pages.size());
  const auto shared = static_cast<uint32_t>(list.nodes.size());
  // From the last one on, as a page goes out of the index only when none behind it is there.
  while (list.nodes.size() > first) {
    if (list.nodes.size() > first + count) {
      PUMICE_ASSIGN(const bool own, make_own(list));
      if (!own) return false;
    } else {
      release_last(list);
    }
  }
  list.sealing = false;
  for (uint32_t page = first; page < first + count; ++page)
    if (page >= shared) pool_.release(list.pages[page]);
  const auto from = list.pages.begin() + first;
  list.pages.erase(from, from + count);
  list.keys.resize(std::min<size_t>(list.keys.size(), first));
  evict_unheld();
  return true;
}

}  // namespace pumice
