#include "kv/index/prefix_index.h"

#include <algorithm>

namespace pumice {

uint64_t block_id(const PageKey& key) {
  const uint64_t id = PageKeyHash{}(key);
  return id != 0 ? id : 1;
}

PrefixIndex::PrefixIndex(const PrefixIndexOptions& options)
    : options_(options),
      tree_(make_policy(options.policy, options.capacity, options.seed, options.learned),
            [this](NodeId node, bool evictable) {
              if (evictable) {
                idle_leaves_.set(node, {.value = entries_[node].used, .tie = node});
              } else {
                idle_leaves_.erase(node);
              }
            }) {
  tree_.reserve(options.capacity);
  idle_leaves_.reserve(options.capacity);
  entries_.reserve(options.capacity);
  announced_.reserve(options.capacity);
  announced_before_.reserve(options.capacity);
}

std::vector<NodeId> PrefixIndex::match(std::span<const Block> chain, double now) {
  request_.clear();
  uint64_t parent = 0;
  for (const Block& block : chain) {
    request_.push_back(info_of(block.key, parent, static_cast<uint32_t>(request_.size())));
    parent = request_.back().id;
  }
  tree_.policy().request(request_);
  const std::vector<NodeId> nodes = walk(kNoNode, chain, now);
  for (size_t i = nodes.size(); i < request_.size(); ++i) announce(request_[i].id);
  use(nodes, now);
  for (const NodeId node : nodes) tree_.policy().touched(node);
  return nodes;
}

std::vector<NodeId> PrefixIndex::match_more(NodeId parent, std::span<const Block> chain, double now) {
  std::vector<NodeId> nodes = walk(parent, chain, now);
  use(nodes, now);
  return nodes;
}

NodeId PrefixIndex::insert(NodeId parent, const Block& block, PageId page, TenantId tenant, double now) {
  PUMICE_CHECK(parent == kNoNode || references(parent) > 0);
  const uint64_t before = parent == kNoNode ? 0 : tree_.block(parent).id;
  const BlockInfo info = info_of(block.key, before, parent == kNoNode ? 0 : tree_.block(parent).depth + 1);
  if (const NodeId here = tree_.find(info.id); here != kNoNode) {
    // One that has expired would stay hidden from those who ask for it: it is used again.
    if (holds(here, parent, block) && expired(here, now)) {
      entries_[here].used = now;
      if (idle_leaves_.contains(here)) idle_leaves_.set(here, {.value = now, .tie = here});
    }
    return kNoNode;
  }
  if (!has_room(tenant)) return kNoNode;
  // All that allocates comes before the node is there, so that it is whole or not there.
  Tenant& owner = tenant_state(tenant);
  make_place(tree_.slots(), block.tokens.size());
  if (!take_announced(info.id)) tree_.policy().extend(info);
  const NodeId node = tree_.insert(parent, info);
  entries_[node] = {.key = block.key, .page = page, .tenant = tenant, .references = 1, .used = now};
  std::ranges::copy(block.tokens, tokens_.begin() + static_cast<std::ptrdiff_t>(node * tokens_per_block_));
  ++owner.pages;
  return node;
}

void PrefixIndex::acquire(NodeId node) {
  tree_.hold(node);
  ++entries_[node].references;
}

void PrefixIndex::release(NodeId node, double now) {
  PUMICE_CHECK(references(node) > 0);
  --entries_[node].references;
  entries_[node].used = std::max(entries_[node].used, now);
  tree_.unhold(node);
}

void PrefixIndex::pin(NodeId node) {
  tree_.hold(node);
  ++entries_[node].pins;
}

void PrefixIndex::unpin(NodeId node) {
  PUMICE_CHECK(tree_.present(node) && entries_[node].pins > 0);
  --entries_[node].pins;
  tree_.unhold(node);
}

std::optional<EvictedPage> PrefixIndex::evict(EvictionCause cause) {
  return take_out(tree_.policy().victim({}), cause);
}

std::optional<EvictedPage> PrefixIndex::evict_of(TenantId tenant, EvictionCause cause) {
  return take_out(tree_.policy().victim([&](NodeId node) { return entries_[node].tenant == tenant; }), cause);
}

std::optional<EvictedPage> PrefixIndex::evict_expired(double now) {
  const NodeId oldest = idle_leaves_.lowest();
  if (oldest == kNoNode || !expired(oldest, now)) return std::nullopt;
  return take_out(oldest, EvictionCause::kExpired);
}

std::optional<EvictedPage> PrefixIndex::evict_any(EvictionCause cause) {
  return take_out(idle_leaves_.lowest(), cause);
}

std::optional<PageId> PrefixIndex::withdraw(NodeId node, double now) {
  PUMICE_CHECK(references(node) > 0);
  if (entries_[node].references > 1 || entries_[node].pins > 0 || !tree_.leaf(node)) return std::nullopt;
  release(node, now);
  return take_out(node, EvictionCause::kCleared)->page;
}

std::vector<IndexedPage> PrefixIndex::pages_of(TenantId tenant) const {
  std::vector<IndexedPage> pages;
  for (NodeId node = 0; node < tree_.slots(); ++node) {
    const Entry& entry = entries_[node];
    if (tree_.present(node) && entry.tenant == tenant)
      pages.push_back({node, entry.page, tree_.block(node).depth, entry.pins, entry.uses, entry.origin, entry.used});
  }
  return pages;
}

void PrefixIndex::set_policy(PolicyKind policy) {
  std::vector<NodeId> leaves;
  for (NodeId node = 0; node < tree_.slots(); ++node)
    if (tree_.present(node) && tree_.leaf(node)) leaves.push_back(node);
  std::stable_sort(leaves.begin(), leaves.end(),
                   [&](NodeId a, NodeId b) { return entries_[a].used < entries_[b].used; });
  tree_.set_policy(make_policy(policy, options_.capacity, options_.seed, options_.learned), leaves);
  options_.policy = policy;
}

void PrefixIndex::set_capacity(uint32_t pages) {
  options_.capacity = pages;
  tree_.policy().set_capacity(pages);
}

void PrefixIndex::set_quota(TenantId tenant, uint32_t pages) { tenant_state(tenant).quota = pages; }

bool PrefixIndex::has_room(TenantId tenant) const {
  return tenant >= tenants_.size() || tenants_[tenant].pages < tenants_[tenant].quota;
}

PageId PrefixIndex::page(NodeId node) const { return entries_[node].page; }
const PageKey& PrefixIndex::key(NodeId node) const { return entries_[node].key; }
NodeId PrefixIndex::parent(NodeId node) const { return tree_.parent(node); }
TenantId PrefixIndex::tenant(NodeId node) const { return entries_[node].tenant; }

std::span<const int32_t> PrefixIndex::tokens(NodeId node) const {
  return std::span(tokens_).subspan(node * tokens_per_block_, tokens_per_block_);
}

uint32_t PrefixIndex::references(NodeId node) const { return tree_.present(node) ? entries_[node].references : 0; }

uint32_t PrefixIndex::tenant_pages(TenantId tenant) const {
  return tenant < tenants_.size() ? tenants_[tenant].pages : 0;
}

BlockInfo PrefixIndex::info_of(const PageKey& key, uint64_t parent, uint32_t depth) const {
  return {.id = block_id(key),
          .parent = parent,
          .depth = depth,
          .cost = 1 + options_.cost_growth * static_cast<float>(depth)};
}

void PrefixIndex::announce(uint64_t id) {
  if (announced_.size() > options_.capacity) {
    std::swap(announced_, announced_before_);
    announced_.clear();
  }
  announced_[id] = 1;
}

bool PrefixIndex::take_announced(uint64_t id) {
  const bool recent = announced_.erase(id), before = announced_before_.erase(id);
  return recent || before;
}

std::vector<NodeId> PrefixIndex::walk(NodeId parent, std::span<const Block> chain, double now) const {
  std::vector<NodeId> nodes;
  for (const Block& block : chain) {
    const NodeId node = tree_.find(block_id(block.key));
    if (node == kNoNode || !holds(node, parent, block) || expired(node, now)) break;
    nodes.push_back(node);
    parent = node;
  }
  return nodes;
}

void PrefixIndex::use(const std::vector<NodeId>& nodes, double now) {
  for (const NodeId node : nodes) {
    acquire(node);
    ++entries_[node].uses;
    entries_[node].used = std::max(entries_[node].used, now);
  }
}

bool PrefixIndex::holds(NodeId node, NodeId parent, const Block& block) const {
  return tree_.parent(node) == parent && entries_[node].key == block.key &&
         std::ranges::equal(tokens(node), block.tokens);
}

bool PrefixIndex::expired(NodeId node, double now) const {
  return options_.ttl_seconds > 0 && !tree_.busy(node) && now - entries_[node].used > options_.ttl_seconds;
}

// For all nodes up to this one.
void PrefixIndex::make_place(NodeId node, size_t tokens) {
  if (tokens_per_block_ == 0) {
    tokens_.reserve(tokens * std::max(options_.capacity, node + 1));
    tokens_per_block_ = tokens;
  }
  PUMICE_CHECK(tokens == tokens_per_block_);
  idle_leaves_.make_place(node);
  if (entries_.size() <= node) entries_.resize(node + size_t{1});
  if (tokens_.size() < entries_.size() * tokens_per_block_) tokens_.resize(entries_.size() * tokens_per_block_);
}

PrefixIndex::Tenant& PrefixIndex::tenant_state(TenantId tenant) {
  if (tenant >= tenants_.size()) tenants_.resize(tenant + size_t{1});
  return tenants_[tenant];
}

std::optional<EvictedPage> PrefixIndex::take_out(NodeId node, EvictionCause cause) {
  if (node == kNoNode) return std::nullopt;
  const EvictedPage evicted{.page = entries_[node].page, .key = entries_[node].key};
  tree_.remove(node);
  --tenants_[entries_[node].tenant].pages;
  ++evictions_[static_cast<size_t>(cause)];
  return evicted;
}

void PrefixIndex::check_invariants() const {
  tree_.check_invariants();
  std::vector<uint32_t> pages(tenants_.size());
  uint32_t idle_leaves = 0;
  for (NodeId node = 0; node < tree_.slots(); ++node) {
    if (!tree_.present(node)) continue;
    const Entry& entry = entries_[node];
    PUMICE_CHECK(tree_.find(block_id(entry.key)) == node);
    PUMICE_CHECK(entry.references + entry.pins == 0 || tree_.busy(node));
    PUMICE_CHECK(tree_.evictable(node) == idle_leaves_.contains(node));
    if (tree_.evictable(node)) {
      ++idle_leaves;
      PUMICE_CHECK(idle_leaves_.rank(node).value == entry.used);
    }
    ++pages[entry.tenant];
  }
  PUMICE_CHECK(idle_leaves == idle_leaves_.size());
  for (size_t tenant = 0; tenant < tenants_.size(); ++tenant) PUMICE_CHECK(pages[tenant] == tenants_[tenant].pages);
}

}  // namespace pumice
