// CrossStore: the keys and values of sources that a decoder attends to, as pages of a KvCache of their own: under its
// policies, in its tiers, for its tenants.
//
// An encoder sees a source both ways, so that each of its pages depends on all of it. Their keys cover its content, as
// they do a picture's, and only a source whose pages are all there is found. Thread rule: one thread at a time.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "kv/kv_cache.h"

namespace pumice {

// Holds its pages as long as it lives; its store outlives it.
class CrossSource {
 public:
  CrossSource(CrossSource&& other) noexcept { *this = std::move(other); }
  CrossSource& operator=(CrossSource&& other) noexcept {
    std::swap(cache_, other.cache_);
    std::swap(tokens_, other.tokens_);
    std::swap(list_, other.list_);
    return *this;
  }
  ~CrossSource() {
    if (cache_) cache_->shrink(list_, 0);
  }
  std::span<const PageId> pages() const { return list_.pages; }

 private:
  friend class CrossStore;
  CrossSource(KvCache& cache, PageList list) : cache_(&cache), list_(std::move(list)) {}
  uint32_t size() const { return static_cast<uint32_t>(tokens_.size()); }

  KvCache* cache_ = nullptr;
  std::vector<int32_t> tokens_;  // of its pages, which are full
  PageList list_;
};

class CrossStore {
 public:
  // Pages and their memory outlive the store.
  static Result<std::unique_ptr<CrossStore>> create(PageAllocator& pages, PageMemory& memory,
                                                    const KvCacheOptions& options);

  // A source of so many rows, without pages. content: all that they depend on beside the model.
  CrossSource open(std::string_view group, std::span<const int32_t> content, uint32_t rows);
  // Its pages in device memory, or from the tiers. false: not all are there, and it has none.
  bool find(CrossSource& source);
  // Pages of its own, to be written. false: there is no room beside those in use.
  Result<bool> make(CrossSource& source);
  // What was to be written to its pages has been submitted, and took so long: it is found from now on.
  void keep(CrossSource& source, double seconds);
  void maintain() { cache_->maintain(); }  // now and then

  KvCache& cache() { return *cache_; }

 private:
  explicit CrossStore(std::unique_ptr<KvCache> cache) : cache_(std::move(cache)) {}

  std::unique_ptr<KvCache> cache_;
};

}  // namespace pumice
