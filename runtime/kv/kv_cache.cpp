#include "kv/kv_cache.h"

#include <algorithm>

#include "base/clock.h"
#include "base/integers.h"
#include "base/or_undo.h"
#include "shared/step_params.h"

namespace pumice {
namespace {

std::span<const int32_t> page_tokens(std::span<const int32_t> tokens, uint32_t page) {
  return tokens.subspan(size_t{page} * kPageTokens, kPageTokens);
}

// Of pages that are being read to be spilled; each takes as much host memory.
constexpr uint64_t kSpillBytes = 16u << 20;

bool has_tiers(const TieredStoreOptions& store) {
  return store.ram_bytes > 0 || !store.disk_folder.empty() || !store.redis_url.empty();
}

}  // namespace

Result<std::unique_ptr<KvCache>> KvCache::create(PageAllocator& pool, PageMemory& memory,
                                                 const KvCacheOptions& options) {
  const uint32_t pages = pool.pages();
  std::unique_ptr<KvCache> cache(new KvCache(pool, memory));
  cache->reuse_ = options.reuse;
  cache->log_ = options.log;
  cache->identity_ = options.identity;
  cache->limit_ = pages;
  cache->most_spills_ = std::clamp<size_t>(kSpillBytes / memory.page_bytes(), 4, 64);
  cache->seconds_per_token_ = options.seconds_per_token;
  cache->measures_ = options.measures;
  if (options.secret) {
    cache->secret_ = *options.secret;
  } else {
    PUMICE_ASSIGN(cache->secret_, random_secret());
  }
  cache->index_.emplace(PrefixIndexOptions{
      .policy = options.policy, .capacity = pages, .ttl_seconds = options.ttl_seconds, .seed = options.seed});
  cache->curve_.emplace(pages);
  if (options.reuse && has_tiers(options.store)) {
    TieredStoreOptions store = options.store;
    // With states or windows, payloads have two sizes.
    store.page_bytes = options.states || options.windows ? 0 : memory.page_bytes();
    store.secret = store_secret(cache->secret_);
    PUMICE_ASSIGN(cache->store_, TieredStore::create(store));
  }
  if (options.states) cache->states_ = std::make_unique<StateStore>(*options.states, pages);
  if (options.windows) cache->windows_ = std::make_unique<WindowStore>(*options.windows, pages);
  (void)cache->tenant("");
  return cache;
}

void KvCache::adopt(KvCache& from) {
  secret_ = from.secret_;
  tenants_ = from.tenants_;
  groups_ = from.groups_;
  salts_ = from.salts_;
  stats_ = from.stats_;
  seconds_per_token_ = from.seconds_per_token_;
  measured_ = from.measured_;
  index_->set_policy(from.index_->policy());
  for (const auto& [tenant, pages] : from.quotas_) set_quota(tenant, pages);
  if (from.asked_limit_ != UINT32_MAX) set_limit(from.asked_limit_);
  store_ = std::move(from.store_);
}

KvCache::~KvCache() {
  try {
    (void)flush(1.0).ok();
  } catch (...) {  // what is not spilled is computed again
  }
}

TenantId KvCache::tenant(std::string_view group) {
  if (const auto known = tenants_.find(group); known != tenants_.end()) return known->second;
  const std::string& name = groups_.emplace_back(group);
  const auto id = static_cast<TenantId>(groups_.size() - 1);
  tenants_.emplace(name, id);
  return id;
}

PageList KvCache::open(TenantId tenant, std::string_view variant) {
  KeyHasher hasher(secret_);
  hasher.field("identity", identity_).field("tenant", groups_[tenant]);
  if (!variant.empty()) hasher.field("variant", variant);
  if (!reuse_) hasher.field("salt", ++salts_);
  return {.tenant = tenant, .root = hasher.finish()};
}

void KvCache::free_page(const std::optional<EvictedPage>& evicted) {
  if (evicted) release_page(evicted->page);
}

void KvCache::release_page(PageId page) {
  if (states_) states_->forget(page);
  if (windows_) windows_->forget(page);
  pool_.release(page);
}

// Pages that wait to be spilled are held. As many as can be read at once are; then those that waited shortest are
// dropped: the last pages of a text, which are the first of it that may go.
bool KvCache::make_room() {
  std::optional<EvictedPage> evicted = index_->evict(EvictionCause::kCapacity);
  if (!evicted) collect_spills();
  while (!evicted && !to_spill_.empty()) {
    if (spilling_.size() < most_spills_)
      begin_spill();
    else
      drop_spill();
    evicted = index_->evict(EvictionCause::kCapacity);
  }
  free_page(evicted);
  return evicted.has_value();
}

std::optional<PageId> KvCache::take_page(TenantId tenant) {
  if (pool_.used() >= limit_ && !make_room()) return std::nullopt;
  return pool_.allocate(tenant);
}

bool KvCache::reserve(PageList& list, uint32_t tokens) {
  const size_t before = list.pages.size(), wanted = divide_up(tokens, kPageTokens);
  list.pages.reserve(std::max(before, wanted));
  const auto take = [&] {
    while (list.pages.size() < wanted) {
      const std::optional<PageId> page = take_page(list.tenant);
      if (!page) return false;
      list.pages.push_back(*page);
    }
    return true;
  };
  return or_undo(take, [&] {
    for (; list.pages.size() > before; list.pages.pop_back()) pool_.release(list.pages.back());
  });
}

void KvCache::shrink(PageList& list, uint32_t tokens) {
  const uint32_t pages = divide_up(tokens, kPageTokens);
  if (states_) drop_pending(list, tokens);
  cut_window(list, pages);
  while (list.pages.size() > pages) {
    if (list.nodes.size() == list.pages.size())
      release_last(list);
    else
      release_page(list.pages.back());
    list.pages.pop_back();
  }
  list.keys.resize(std::min<size_t>(list.keys.size(), tokens / kPageTokens));
  evict_unheld();
}

void KvCache::release_last(PageList& list) {
  index_->release(list.nodes.back(), now_seconds());
  list.nodes.pop_back();
}

void KvCache::evict_unheld() {
  while (!reuse_ && index_->evictable() > 0) free_page(index_->evict_any(EvictionCause::kCleared));
}

PageKey KvCache::with_pictures(const PageList& list, uint32_t page, const PageKey& key) const {
  PageKey result = key;
  const uint32_t begin = page * kPageTokens, end = begin + kPageTokens;
  for (const PagePicture& picture : list.pictures) {
    if (picture.first >= end || picture.first + picture.count <= begin) continue;
    KeyHasher hasher(secret_);
    result = hasher.field("page", result.bytes)
                 .field("picture", picture.identity.bytes)
                 .field("place", uint64_t{begin} - picture.first)
                 .finish();
  }
  return result;
}

const PageKey& KvCache::key(PageList& list, std::span<const int32_t> tokens, uint32_t page) {
  while (list.keys.size() <= page) {
    const auto next = static_cast<uint32_t>(list.keys.size());
    const PageKey key = child_key(secret_, next ? list.keys.back() : list.root, page_tokens(tokens, next));
    list.keys.push_back(with_pictures(list, next, key));
  }
  return list.keys[page];
}

std::vector<Block> KvCache::chain(PageList& list, std::span<const int32_t> tokens, uint32_t first) {
  std::vector<Block> blocks;
  const auto pages = static_cast<uint32_t>(tokens.size() / kPageTokens);
  for (uint32_t page = first; page < pages; ++page)
    blocks.push_back({key(list, tokens, page), page_tokens(tokens, page)});
  return blocks;
}

void KvCache::reserve_places(PageList& list, size_t pages) {
  const auto grow = [pages](auto& places) {
    if (places.capacity() < pages) places.reserve(std::max(pages, 2 * places.size()));
  };
  grow(list.nodes);
  grow(list.pages);
}

void KvCache::share(PageList& list, NodeId node, bool whole) {
  const size_t at = list.nodes.size();
  const PageId page = index_->page(node);
  if (at == list.pages.size()) {
    list.pages.push_back(page);
  } else if (list.pages[at] != page) {
    hand_window(list, static_cast<uint32_t>(at), page, whole);
    release_page(list.pages[at]);  // its next owner writes to it after the steps that are in flight
    list.pages[at] = page;
    ++stats_.shared_duplicates;
  }
  list.nodes.push_back(node);
}

uint32_t KvCache::match(PageList& list, std::span<const int32_t> tokens, bool first) {
  const double now = now_seconds();
  const auto before = static_cast<uint32_t>(list.nodes.size());
  if (reuse_ && list.sealing && tokens.size() / kPageTokens > before) {
    if (first) {
      while (const auto expired = index_->evict_expired(now)) free_page(expired);
    }
    const bool whole = first && before == 0;
    const std::vector<Block> blocks = chain(list, tokens, before);
    reserve_places(list, before + blocks.size());
    std::vector<NodeId> nodes =
        whole ? index_->match(blocks, now) : index_->match_more(before ? list.nodes.back() : kNoNode, blocks, now);
    keep_resumable(list, before, nodes);
    if (list.whole && nodes.size() < blocks.size()) leave_out(nodes, 0);
    for (const NodeId node : nodes) share(list, node);
    stats_.hit_pages[static_cast<size_t>(KvSource::kDevice)] += nodes.size();
    stats_.recompute_seconds_saved += static_cast<double>(nodes.size()) * kPageTokens * seconds_per_token_;
    if (first) {
      ++stats_.lookups;
      stats_.looked_up_pages += blocks.size();
      ask_curve(list, before + static_cast<uint32_t>(blocks.size()));
    }
    if (store_ && !nodes.empty()) store_->used(std::span(list.keys).subspan(before, nodes.size()));
  }
  return shared_tokens(list);
}

void KvCache::ask_curve(PageList& list, uint32_t pages) {
  std::vector<uint64_t> ids(pages);
  for (uint32_t i = 0; i < pages; ++i) ids[i] = std::max<uint64_t>(1, PageKeyHash()(list.keys[i]));
  curve_->request(ids);
}

uint32_t KvCache::shared_tokens(const PageList& list) { return static_cast<uint32_t>(list.nodes.size()) * kPageTokens; }

bool KvCache::next_page_is_same(PageList& list, PageList& other, std::span<const int32_t> tokens) {
  const auto page = static_cast<uint32_t>(list.nodes.size());
  if (!reuse_ || !list.sealing || !other.sealing || (page + 1) * kPageTokens > tokens.size()) return false;
  return page < other.keys.size() && key(list, tokens, page) == other.keys[page];
}

// The list's next own page goes into the index. fetched: nothing in flight uses the list.
KvCache::Sealing KvCache::seal_page(PageList& list, std::span<const int32_t> tokens, bool fetched) {
  const double now = now_seconds();
  const auto page = static_cast<uint32_t>(list.nodes.size());
  const NodeId parent = page ? list.nodes.back() : kNoNode;
  const Block block{key(list, tokens, page), page_tokens(tokens, page)};
  reserve_places(list, page + size_t{1});
  NodeId node = index_->insert(parent, block, list.pages[page], list.tenant, now);
  if (node == kNoNode) {
    const std::vector<NodeId> there = index_->match_more(parent, {&block, 1}, now);
    if (!there.empty()) {
      // Steps in flight would find that page in the table before it has its bytes.
      const auto usable = [&] {
        const PageId other = index_->page(there.front());
        const bool part = windows_ && windows_->has(other);
        const Result<bool> settled = fetched ? true : memory_.settled(other);
        const Result<bool> beside = fetched || !part ? true : windows_->memory().settled(windows_->of(other));
        return settled && *settled && beside && *beside;
      };
      if (!or_undo(usable, [&] { index_->release(there.front(), now); })) return Sealing::kLater;
      share(list, there.front(), true);
      keep_state(list, page);
      return Sealing::kDone;
    }
    free_page(index_->evict_of(list.tenant, EvictionCause::kQuota));
    node = index_->insert(parent, block, list.pages[page], list.tenant, now);
    if (node == kNoNode) return Sealing::kNever;
  }
  list.nodes.push_back(node);
  keep_state(list, page);
  if (reuse_) curve_->extend(std::max<uint64_t>(1, PageKeyHash()(block.key)));
  ++stats_.sealed_pages;
  if (store_ && !fetched) {
    to_spill_.push_back({node, list.root});
    index_->acquire(node);
  }
  return Sealing::kDone;
}

void KvCache::seal(PageList& list, std::span<const int32_t> tokens, uint32_t computed) {
  while (list.sealing && (list.nodes.size() + 1) * kPageTokens <= computed) {
    const Sealing sealed = seal_page(list, tokens, false);
    if (sealed == Sealing::kLater) return;
    if (sealed == Sealing::kNever) list.sealing = false;
  }
}

Result<void> KvCache::scrub(PageAllocator& pool, PageMemory& memory) {
  if (pool.unscrubbed().empty()) return {};
  PUMICE_TRY(memory.scrub(pool.unscrubbed()));
  stats_.scrubbed_pages += pool.unscrubbed().size();
  pool.scrubbed();
  return {};
}

Result<void> KvCache::scrub() {
  if (windows_) PUMICE_TRY(scrub(windows_->places(), windows_->memory()));
  return scrub(pool_, memory_);
}

void KvCache::set_quota(TenantId tenant, uint32_t pages) {
  quotas_[tenant] = pages;
  index_->set_quota(tenant, pages);
  while (index_->tenant_pages(tenant) > pages) {
    const std::optional<EvictedPage> evicted = index_->evict_of(tenant, EvictionCause::kQuota);
    if (!evicted) return;
    free_page(evicted);
  }
}

void KvCache::set_limit(uint32_t pages) {
  asked_limit_ = pages;
  limit_ = std::min(pages, pool_.pages());
  index_->set_capacity(limit_);
  while (pool_.used() > limit_) {
    const std::optional<EvictedPage> evicted = index_->evict(EvictionCause::kShrunk);
    if (!evicted) return;
    free_page(evicted);
  }
}

std::vector<NodeId> KvCache::pin(const PageList& list) {
  for (const NodeId node : list.nodes) index_->pin(node);
  return list.nodes;
}

void KvCache::unpin(std::span<const NodeId> nodes) {
  for (const NodeId node : nodes) index_->unpin(node);
}

Result<void> KvCache::clear(bool tiers) {
  while (!to_spill_.empty()) drop_spill();
  while (const auto evicted = index_->evict_any(EvictionCause::kCleared)) free_page(evicted);
  if (!tiers || !store_) return {};
  spilling_.clear();
  return store_->clear();
}

void KvCache::computed_prompt(uint32_t tokens, double seconds) {
  if (tokens == 0 || !measures_) return;
  // Measurements err upwards: the first one may have waited for a compiler, others for other requests' steps.
  const double now = seconds / tokens, weight = now < seconds_per_token_ ? 0.5 : 0.1;
  seconds_per_token_ = measured_ ? (1 - weight) * seconds_per_token_ + weight * now : now;
  measured_ = true;
}

std::optional<StoreStats> KvCache::store_stats() const {
  if (!store_) return std::nullopt;
  return store_->stats();
}

}  // namespace pumice
