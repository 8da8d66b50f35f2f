#include "engine/cross_store.h"

#include <algorithm>
#include <new>

#include "base/integers.h"
#include "shared/step_params.h"

namespace pumice {
namespace {

constexpr double kLookSeconds = 0.002;
constexpr int32_t kNoToken = -1;  // behind a source's last one

}  // namespace

Result<std::unique_ptr<CrossStore>> CrossStore::create(PageAllocator& pages, PageMemory& memory,
                                                       const KvCacheOptions& options) {
  PUMICE_ASSIGN(std::unique_ptr<KvCache> cache, KvCache::create(pages, memory, options));
  return std::unique_ptr<CrossStore>(new CrossStore(std::move(cache)));
}

CrossSource CrossStore::open(std::string_view group, std::span<const int32_t> content, uint32_t rows) {
  CrossSource source(*cache_, cache_->open(cache_->tenant(group)));
  const uint32_t places = divide_up(rows, kPageTokens) * kPageTokens;
  KeyHasher hasher(Secret{});  // the pages' keys have one
  const PageKey identity = hasher.field("rows", rows).field("source", std::as_bytes(content)).finish();
  source.list_.pictures = {{.first = 0, .count = places, .identity = identity}};
  source.list_.whole = true;
  const std::span<const int32_t> begin = content.first(std::min<size_t>(content.size(), places));
  source.tokens_.assign(begin.begin(), begin.end());
  source.tokens_.resize(places, kNoToken);
  return source;
}

bool CrossStore::find(CrossSource& source) {
  PageList& list = source.list_;
  if (cache_->match(list, source.tokens_, true) == source.size()) return true;
  PrefixFetch fetch;
  cache_->begin_fetch(list, source.tokens_, fetch);
  if (fetch.reading && cache_->reserve(list, source.size()))
    while (cache_->advance_fetch(list, source.tokens_, fetch)) (void)fetch.reading->wait(kLookSeconds);
  if (KvCache::shared_tokens(list) == source.size()) return true;
  cache_->shrink(list, 0);
  return false;
}

Result<bool> CrossStore::make(CrossSource& source) {
  if (!cache_->reserve(source.list_, source.size())) return false;
  PUMICE_TRY(cache_->scrub());
  return true;
}

void CrossStore::keep(CrossSource& source, double seconds) {
  cache_->computed_prompt(source.size(), seconds);
  try {
    cache_->seal(source.list_, source.tokens_, source.size());
  } catch (const std::bad_alloc&) {  // it is encoded again the next time
  }
}

}  // namespace pumice
