#include "engine/cross_store.h"

#include <iterator>

namespace pumice {

CrossStore::Entry* CrossStore::find(const PageKey& key) {
  ++stats_.lookups;
  const auto found = index_.find(key);
  if (found == index_.end()) return nullptr;
  ++stats_.hits;
  entries_.splice(entries_.begin(), entries_, found->second);
  ++entries_.front().users;
  return &entries_.front();
}

bool CrossStore::give_up_one() {
  for (auto entry = entries_.end(); entry != entries_.begin();) {
    if ((--entry)->users > 0) continue;
    remove(entry);
    ++stats_.evictions;
    return true;
  }
  return false;
}

CrossStore::Entry* CrossStore::add(const PageKey& key, uint32_t pages) {
  while (pages_->pages() - pages_->used() < pages)
    if (!give_up_one()) return nullptr;
  entries_.push_front({.key = key, .users = 1});
  for (uint32_t i = 0; i < pages; ++i) entries_.front().pages.push_back(*pages_->allocate());
  pages_->scrubbed();  // all of a page that is read has been written
  index_[key] = entries_.begin();
  return &entries_.front();
}

void CrossStore::release(Entry& entry) { --entry.users; }

void CrossStore::drop(Entry& entry) { remove(index_.at(entry.key)); }

void CrossStore::remove(Entries::iterator entry) {
  for (const PageId page : entry->pages) pages_->release(page);
  index_.erase(entry->key);
  entries_.erase(entry);
}

}  // namespace pumice
