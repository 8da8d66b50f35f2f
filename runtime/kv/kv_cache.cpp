#include "kv/kv_cache.h"

#include <algorithm>
#include <chrono>

#include "base/integers.h"
#include "shared/step_params.h"

namespace pumice {
namespace {

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::span<const int32_t> page_tokens(std::span<const int32_t> tokens, uint32_t page) {
  return tokens.subspan(size_t{page} * kPageTokens, kPageTokens);
}

bool has_tiers(const TieredStoreOptions& store) {
  return store.ram_bytes > 0 || !store.disk_folder.empty() || !store.redis_url.empty();
}

}  // namespace

Result<std::unique_ptr<KvCache>> KvCache::create(PageAllocator& pool, PageMemory& memory,
                                                 const KvCacheOptions& options) {
  const uint32_t pages = pool.pages();
  std::unique_ptr<KvCache> cache(new KvCache(pool, memory));
  cache->reuse_ = options.reuse;
  cache->identity_ = options.identity;
  cache->limit_ = pages;
  cache->seconds_per_token_ = options.seconds_per_token;
  if (options.secret) {
    cache->secret_ = *options.secret;
  } else {
    PUMICE_ASSIGN(cache->secret_, random_secret());
  }
  cache->index_.emplace(PrefixIndexOptions{
      .policy = options.policy, .capacity = pages, .ttl_seconds = options.ttl_seconds, .seed = options.seed});
  cache->curve_.emplace(pages);
  cache->retired_.reserve(pages);
  if (options.reuse && has_tiers(options.store)) {
    TieredStoreOptions store = options.store;
    store.page_bytes = memory.page_bytes();
    store.secret = store_secret(cache->secret_);
    PUMICE_ASSIGN(cache->store_, TieredStore::create(store));
  }
  (void)cache->tenant("");
  return cache;
}

KvCache::~KvCache() {
  (void)flush(1.0).ok();
  (void)memory_.wait().ok();
}

TenantId KvCache::tenant(std::string_view group) {
  const auto [entry, added] = tenants_.try_emplace(std::string(group), static_cast<TenantId>(groups_.size()));
  if (added) groups_.emplace_back(group);
  return entry->second;
}

PageList KvCache::open(TenantId tenant) {
  KeyHasher hasher(secret_);
  hasher.field("identity", identity_).field("tenant", groups_[tenant]);
  if (!reuse_) hasher.field("salt", ++salts_);
  return {.tenant = tenant, .root = hasher.finish()};
}

void KvCache::free_retired() {
  std::erase_if(retired_, [&](const Retired& retired) {
    const Result<bool> reached = memory_.finished(retired.value);
    if (!reached || !*reached) return false;
    pool_.release(retired.page);
    return true;
  });
}

void KvCache::give_up(const std::optional<EvictedPage>& evicted) {
  if (evicted) pool_.release(evicted->page);
}

void KvCache::drop_writes() {
  const double now = now_seconds();
  stats_.skipped_writes += to_write_.size();
  for (const NodeId node : to_write_) index_->release(node, now);
  to_write_.clear();
}

bool KvCache::make_room() {
  free_retired();
  if (pool_.used() < limit_) return true;
  std::optional<EvictedPage> evicted = index_->evict(EvictionCause::kCapacity);
  if (!evicted && write_pending()) evicted = index_->evict(EvictionCause::kCapacity);
  if (!evicted && !reading_.empty() && memory_.wait() && take_reads())  // a copy or two
    evicted = index_->evict(EvictionCause::kCapacity);
  if (!evicted && !to_write_.empty()) {
    drop_writes();
    evicted = index_->evict(EvictionCause::kCapacity);
  }
  give_up(evicted);
  return evicted.has_value();
}

std::optional<PageId> KvCache::take_page(TenantId tenant) {
  if (pool_.used() >= limit_ && !make_room()) return std::nullopt;
  return pool_.allocate(tenant);
}

bool KvCache::reserve(PageList& list, uint32_t tokens) {
  const size_t before = list.pages.size();
  while (list.pages.size() < divide_up(tokens, kPageTokens)) {
    const std::optional<PageId> page = take_page(list.tenant);
    if (!page) {
      while (list.pages.size() > before) {
        pool_.release(list.pages.back());
        list.pages.pop_back();
      }
      return false;
    }
    list.pages.push_back(*page);
  }
  return true;
}

void KvCache::shrink(PageList& list, uint32_t tokens) {
  while (list.pages.size() > divide_up(tokens, kPageTokens)) {
    if (list.nodes.size() == list.pages.size())
      release_last(list);
    else
      pool_.release(list.pages.back());
    list.pages.pop_back();
  }
  list.keys.resize(std::min<size_t>(list.keys.size(), tokens / kPageTokens));
  give_up_unheld();
}

void KvCache::release_last(PageList& list) {
  index_->release(list.nodes.back(), now_seconds());
  list.nodes.pop_back();
}

void KvCache::give_up_unheld() {
  while (!reuse_ && index_->evictable() > 0) give_up(index_->evict_any(EvictionCause::kCleared));
}

const PageKey& KvCache::key(PageList& list, std::span<const int32_t> tokens, uint32_t page) {
  while (list.keys.size() <= page) {
    const auto next = static_cast<uint32_t>(list.keys.size());
    list.keys.push_back(child_key(secret_, next ? list.keys.back() : list.root, page_tokens(tokens, next)));
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

void KvCache::share(PageList& list, NodeId node) {
  const size_t at = list.nodes.size();
  const PageId page = index_->page(node);
  if (at == list.pages.size()) {
    list.pages.push_back(page);
  } else if (list.pages[at] != page) {
    retired_.push_back({memory_.submitted(), list.pages[at]});  // steps in flight may read it
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
      while (const auto expired = index_->evict_expired(now)) give_up(expired);
    }
    const bool whole = first && before == 0;
    const std::vector<Block> blocks = chain(list, tokens, before);
    const std::vector<NodeId> nodes =
        whole ? index_->match(blocks, now) : index_->match_more(before ? list.nodes.back() : kNoNode, blocks, now);
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

// The list's next own page goes into the index. false: it cannot.
bool KvCache::seal_page(PageList& list, std::span<const int32_t> tokens, bool from_tiers) {
  const double now = now_seconds();
  const auto page = static_cast<uint32_t>(list.nodes.size());
  const NodeId parent = page ? list.nodes.back() : kNoNode;
  const Block block{key(list, tokens, page), page_tokens(tokens, page)};
  NodeId node = index_->insert(parent, block, list.pages[page], list.tenant, now);
  if (node == kNoNode) {
    const std::vector<NodeId> there = index_->match_more(parent, {&block, 1}, now);
    if (!there.empty()) {
      share(list, there.front());
      return true;
    }
    give_up(index_->evict_of(list.tenant, EvictionCause::kQuota));
    node = index_->insert(parent, block, list.pages[page], list.tenant, now);
    if (node == kNoNode) return false;
  }
  list.nodes.push_back(node);
  if (reuse_) curve_->extend(std::max<uint64_t>(1, PageKeyHash()(block.key)));
  ++stats_.sealed_pages;
  if (store_ && !from_tiers) {
    index_->acquire(node);
    to_write_.push_back(node);
  }
  return true;
}

void KvCache::seal(PageList& list, std::span<const int32_t> tokens, uint32_t computed) {
  while (list.sealing && (list.nodes.size() + 1) * kPageTokens <= computed)
    if (!seal_page(list, tokens, false)) list.sealing = false;
}

Result<bool> KvCache::make_own(PageList& list) {
  const size_t at = list.nodes.size() - 1;
  const auto withdraw = [&] {
    if (!index_->withdraw(list.nodes.back(), now_seconds())) return false;
    list.nodes.pop_back();
    return true;
  };
  if (!reuse_ && withdraw()) return true;
  const std::optional<PageId> page = take_page(list.tenant);
  if (!page) return withdraw();
  pool_.overwritten(*page);
  PUMICE_TRY(memory_.copy(list.pages[at], *page));
  ++stats_.copied_pages;
  release_last(list);
  list.pages[at] = *page;
  return true;
}

Result<bool> KvCache::settle(PageList& list, std::span<const int32_t> tokens, uint32_t computed) {
  if (shared_tokens(list) <= computed) return true;
  PUMICE_CHECK(list.pages.size() == list.nodes.size());
  const auto at = static_cast<uint32_t>(list.nodes.size()) - 1;
  if (reuse_ && list.sealing && tokens.size() >= shared_tokens(list)) {
    const double now = now_seconds();
    const std::vector<NodeId> nodes =
        index_->match_more(at ? list.nodes[at - 1] : kNoNode, chain(list, tokens, at), now);
    if (!nodes.empty()) {
      release_last(list);
      list.pages.pop_back();
      for (const NodeId node : nodes) share(list, node);
      return true;
    }
  }
  return make_own(list);
}

Result<PageList> KvCache::fork(PageList& list, std::span<const int32_t> tokens, uint32_t count) {
  seal(list, tokens, count);
  PageList copy{.tenant = list.tenant, .root = list.root, .sealing = list.sealing};
  const uint32_t shared = std::min(static_cast<uint32_t>(list.nodes.size()), count / kPageTokens);
  for (uint32_t i = 0; i < shared; ++i) {
    index_->acquire(list.nodes[i]);
    copy.nodes.push_back(list.nodes[i]);
    copy.pages.push_back(list.pages[i]);
  }
  copy.keys.assign(list.keys.begin(), list.keys.begin() + std::min<ptrdiff_t>(shared, std::ssize(list.keys)));
  for (uint32_t i = shared; i < divide_up(count, kPageTokens); ++i) {
    const std::optional<PageId> page = take_page(list.tenant);
    if (!page) {
      shrink(copy, 0);
      return error(Status::kContextFull,
                   "no free page for a copy of %u tokens; destroy a sequence or make the cache "
                   "larger",
                   count);
    }
    pool_.overwritten(*page);
    copy.pages.push_back(*page);
    PUMICE_TRY(memory_.copy(list.pages[i], *page));
    ++stats_.copied_pages;
  }
  return copy;
}

Result<void> KvCache::scrub() {
  if (pool_.unscrubbed().empty()) return {};
  PUMICE_TRY(memory_.scrub(pool_.unscrubbed()));
  stats_.scrubbed_pages += pool_.unscrubbed().size();
  pool_.scrubbed();
  return {};
}

void KvCache::set_quota(TenantId tenant, uint32_t pages) {
  index_->set_quota(tenant, pages);
  while (index_->tenant_pages(tenant) > pages) {
    const std::optional<EvictedPage> evicted = index_->evict_of(tenant, EvictionCause::kQuota);
    if (!evicted) return;
    give_up(evicted);
  }
}

void KvCache::set_limit(uint32_t pages) {
  limit_ = std::min(pages, pool_.pages());
  index_->set_capacity(limit_);
  while (pool_.used() > limit_) {
    const std::optional<EvictedPage> evicted = index_->evict(EvictionCause::kShrunk);
    if (!evicted) return;
    give_up(evicted);
  }
}

std::vector<NodeId> KvCache::pin(const PageList& list) {
  for (const NodeId node : list.nodes) index_->pin(node);
  return list.nodes;
}

void KvCache::unpin(std::span<const NodeId> nodes) {
  for (const NodeId node : nodes) index_->unpin(node);
}

void KvCache::clear(bool tiers) {
  drop_writes();
  while (const auto evicted = index_->evict_any(EvictionCause::kCleared)) give_up(evicted);
  if (tiers && store_) store_->clear();
}

void KvCache::computed_prompt(uint32_t tokens, double seconds) {
  if (tokens == 0) return;
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
