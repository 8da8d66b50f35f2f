#include "kv/prefix_index_model.h"

#include <algorithm>

namespace pumice::test {
namespace {

constexpr size_t kTokens = 2;  // of a block
constexpr TenantId kTenants = 3;
constexpr uint32_t kCapacity = 40;
constexpr PolicyKind kPolicies[] = {PolicyKind::kLru,  PolicyKind::kLfu,      PolicyKind::kRandom, PolicyKind::kS3Fifo,
                                    PolicyKind::kCost, PolicyKind::kAdaptive, PolicyKind::kLearned};

const Secret& secret() {
  static const Secret made{};
  return made;
}

PageKey root_of(TenantId tenant) { return KeyHasher(secret()).field("tenant", uint64_t{tenant}).finish(); }

}  // namespace

PrefixIndexModel::PrefixIndexModel(const ModelOptions& options)
    : options_(options),
      index_({.policy = options.policy, .capacity = kCapacity, .seed = options.seed}),
      random_(options.seed),
      quotas_(kTenants, UINT32_MAX) {}

std::string PrefixIndexModel::run() {
  for (operation_ = 0; operation_ < options_.operations && problem_.empty(); ++operation_) {
    now_ += 0.25 * static_cast<double>(below(4));
    step();
    compare();
  }
  return problem_;
}

void PrefixIndexModel::step() {
  switch (below(16)) {
    case 0:
    case 1:
    case 2:
      return match();
    case 3:
      return match_more();
    case 4:
    case 5:
    case 6:
    case 7:
      return insert();
    case 8:
      return share();
    case 9:
    case 10:
      return release();
    case 11:
      return pin_or_unpin();
    case 12:
      return below(2) ? evict() : evict_of();
    case 13:
      return evict_expired();
    case 14:
      return below(8) == 0 ? evict_any() : evict();
    default:
      return change_settings();
  }
}

void PrefixIndexModel::expect(bool holds, const char* what) {
  if (!holds && problem_.empty()) problem_ = std::string(what) + " at operation " + std::to_string(operation_);
}

// A few token ids alone, so that texts meet again and again.
PrefixIndexModel::Made PrefixIndexModel::make_text(TenantId tenant, const PageKey* after) {
  Made made;
  PageKey key = after ? *after : root_of(tenant);
  const size_t length = 1 + below(5);
  for (size_t i = 0; i < length; ++i) made.tokens.push_back({static_cast<int32_t>(below(3)), static_cast<int32_t>(i)});
  for (size_t i = 0; i < length; ++i) {
    key = child_key(secret(), key, made.tokens[i]);
    made.blocks.push_back({.key = key, .tokens = made.tokens[i]});
  }
  return made;
}

std::optional<NodeId> PrefixIndexModel::find(const PageKey& key) const {
  for (const auto& [node, page] : pages_)
    if (page.key == key) return node;
  return std::nullopt;
}

bool PrefixIndexModel::busy(NodeId node) const {
  const Page& page = pages_.at(node);
  if (page.references > 0 || (page.pins > 0 && options_.mistake != Mistake::kForgetsPins)) return true;
  return std::any_of(pages_.begin(), pages_.end(),
                     [&](const auto& entry) { return entry.second.parent == node && busy(entry.first); });
}

bool PrefixIndexModel::leaf(NodeId node) const {
  return std::none_of(pages_.begin(), pages_.end(), [&](const auto& entry) { return entry.second.parent == node; });
}

bool PrefixIndexModel::expired(NodeId node) const {
  return options_.mistake != Mistake::kNeverExpires && ttl_ > 0 && !busy(node) && now_ - pages_.at(node).used > ttl_;
}

std::vector<NodeId> PrefixIndexModel::walk(NodeId parent, const std::vector<Block>& blocks) const {
  std::vector<NodeId> nodes;
  for (const Block& block : blocks) {
    const std::optional<NodeId> node = find(block.key);
    if (!node || pages_.at(*node).parent != parent || expired(*node)) break;
    if (options_.mistake != Mistake::kForgetsTokens && !std::ranges::equal(pages_.at(*node).tokens, block.tokens))
      break;
    nodes.push_back(*node);
    parent = *node;
  }
  return nodes;
}

void PrefixIndexModel::take(const std::vector<NodeId>& nodes, bool request) {
  for (const NodeId node : nodes) {
    Page& page = pages_.at(node);
    ++page.references;
    page.used = now_;
    if (request) page.request = request_;
  }
  hits_ += nodes.size();
}

void PrefixIndexModel::match() {
  const TenantId tenant = static_cast<TenantId>(below(kTenants));
  Made made = make_text(tenant, nullptr);
  // The right keys with wrong tokens must never be a hit.
  std::vector<int32_t> wrong{99, 99};
  if (below(8) == 0) made.blocks[below(made.blocks.size())].tokens = wrong;
  const std::vector<NodeId> expected = walk(kNoNode, made.blocks);
  ++request_;
  const std::vector<NodeId> nodes = index_.match(made.blocks, now_);
  expect(nodes == expected, "match");
  if (!problem_.empty()) return;
  take(nodes, true);
  texts_.push_back({.nodes = nodes, .tenant = tenant});
  if (texts_.size() > 6) drop(texts_[below(texts_.size())]);
}

void PrefixIndexModel::match_more() {
  if (texts_.empty()) return;
  Text& text = texts_[below(texts_.size())];
  const NodeId last = text.nodes.empty() ? kNoNode : text.nodes.back();
  const Made made = make_text(text.tenant, last == kNoNode ? nullptr : &pages_.at(last).key);
  const std::vector<NodeId> expected = walk(last, made.blocks);
  const std::vector<NodeId> nodes = index_.match_more(last, made.blocks, now_);
  expect(nodes == expected, "match_more");
  if (!problem_.empty()) return;
  take(nodes, false);
  text.nodes.insert(text.nodes.end(), nodes.begin(), nodes.end());
}

void PrefixIndexModel::insert() {
  if (texts_.empty()) return;
  Text& text = texts_[below(texts_.size())];
  const NodeId last = text.nodes.empty() ? kNoNode : text.nodes.back();
  const Made made = make_text(text.tenant, last == kNoNode ? nullptr : &pages_.at(last).key);
  const Block& block = made.blocks[0];
  if (!find(block.key) && pages_.size() >= kCapacity) evict();
  if (!problem_.empty()) return;
  const std::optional<NodeId> here = find(block.key);
  const bool room = options_.mistake == Mistake::kIgnoresQuota || tenant_pages(text.tenant) < quotas_[text.tenant];
  const bool was_expired = here && expired(*here);
  const NodeId node = index_.insert(last, block, next_page_, text.tenant, now_);
  expect((node != kNoNode) == (!here && room), "insert");
  if (was_expired) pages_.at(*here).used = now_;  // used again
  if (node == kNoNode || !problem_.empty()) return;
  expect(!pages_.contains(node), "a new node's id is free");
  pages_[node] = {.key = block.key,
                  .parent = last,
                  .tokens = made.tokens[0],
                  .page = next_page_++,
                  .tenant = text.tenant,
                  .depth = last == kNoNode ? 0 : pages_.at(last).depth + 1,
                  .references = 1,
                  .used = now_,
                  .request = request_};
  text.nodes.push_back(node);
}

// A second text with the first blocks of one.
void PrefixIndexModel::share() {
  if (texts_.empty() || texts_.size() > 6) return;
  const Text& text = texts_[below(texts_.size())];
  const auto count = static_cast<std::ptrdiff_t>(below(text.nodes.size() + 1));
  const Text copy{.nodes = {text.nodes.begin(), text.nodes.begin() + count}, .tenant = text.tenant};
  for (const NodeId node : copy.nodes) {
    index_.acquire(node);
    ++pages_.at(node).references;
  }
  texts_.push_back(copy);
}

void PrefixIndexModel::drop(Text& text) {
  // In either order; the first blocks may go on being used through those behind them.
  if (below(2)) std::reverse(text.nodes.begin(), text.nodes.end());
  for (const NodeId node : text.nodes) {
    index_.release(node, now_);
    Page& page = pages_.at(node);
    --page.references;
    page.used = now_;
  }
  text = texts_.back();
  texts_.pop_back();
}

void PrefixIndexModel::release() {
  if (!texts_.empty()) drop(texts_[below(texts_.size())]);
}

void PrefixIndexModel::pin_or_unpin() {
  if (!pinned_.empty() && below(2)) {
    const size_t which = below(pinned_.size());
    index_.unpin(pinned_[which]);
    --pages_.at(pinned_[which]).pins;
    pinned_.erase(pinned_.begin() + static_cast<std::ptrdiff_t>(which));
  } else if (!pages_.empty() && pinned_.size() < 5) {
    const NodeId node = std::next(pages_.begin(), static_cast<std::ptrdiff_t>(below(pages_.size())))->first;
    index_.pin(node);
    ++pages_.at(node).pins;
    pinned_.push_back(node);
  }
}

void PrefixIndexModel::removed(const std::optional<EvictedPage>& evicted, const char* what,
                               bool (*allowed)(const PrefixIndexModel&, NodeId)) {
  const auto may = [&](const auto& entry) { return free(entry.first) && allowed(*this, entry.first); };
  expect(evicted.has_value() == std::any_of(pages_.begin(), pages_.end(), may), what);
  if (!evicted || !problem_.empty()) return;
  const std::optional<NodeId> node = find(evicted->key);
  expect(node && free(*node) && allowed(*this, *node) && pages_.at(*node).page == evicted->page, what);
  if (!problem_.empty()) return;
  pages_.erase(*node);
  ++evicted_;
}

void PrefixIndexModel::evict() {
  // What LRU must give up: of the last used request the latest, and there the deepest.
  std::optional<PageKey> lru;
  std::pair<uint64_t, int64_t> lowest;
  for (const auto& [node, page] : pages_) {
    if (!free(node)) continue;
    std::pair<uint64_t, int64_t> rank{page.request, -static_cast<int64_t>(page.depth)};
    if (options_.mistake == Mistake::kMostRecentFirst) rank.first = ~rank.first;
    if (lru && lowest < rank) continue;
    // Of equal ones either may go.
    lru = lru && lowest == rank ? std::optional<PageKey>(PageKey{}) : page.key;
    lowest = rank;
  }
  const std::optional<EvictedPage> evicted = index_.evict(EvictionCause::kCapacity);
  if (evicted && lru && *lru != PageKey{} && options_.policy == PolicyKind::kLru && !options_.switch_policies)
    expect(evicted->key == *lru, "the least recently used goes first");
  removed(evicted, "evict", [](const PrefixIndexModel&, NodeId) { return true; });
}

void PrefixIndexModel::evict_of() {
  asked_tenant_ = static_cast<TenantId>(below(kTenants));
  removed(index_.evict_of(asked_tenant_, EvictionCause::kQuota), "evict_of",
          [](const PrefixIndexModel& m, NodeId n) { return m.pages_.at(n).tenant == m.asked_tenant_; });
}

void PrefixIndexModel::evict_expired() {
  removed(index_.evict_expired(now_), "evict_expired",
          [](const PrefixIndexModel& m, NodeId n) { return m.expired(n); });
}

void PrefixIndexModel::evict_any() {
  removed(index_.evict_any(EvictionCause::kCleared), "evict_any", [](const PrefixIndexModel&, NodeId) { return true; });
}

void PrefixIndexModel::change_settings() {
  switch (below(5)) {
    case 0:
      ttl_ = below(3) == 0 ? 20 : 0;
      return index_.set_ttl(ttl_);
    case 1: {
      const TenantId tenant = static_cast<TenantId>(below(kTenants));
      quotas_[tenant] = below(2) ? UINT32_MAX : static_cast<uint32_t>(below(20));
      return index_.set_quota(tenant, quotas_[tenant]);
    }
    case 2:
      return index_.set_capacity(static_cast<uint32_t>(1 + below(2 * kCapacity)));
    default:
      if (options_.switch_policies && below(4) == 0) index_.set_policy(kPolicies[below(std::size(kPolicies))]);
  }
}

uint32_t PrefixIndexModel::tenant_pages(TenantId tenant) const {
  return static_cast<uint32_t>(
      std::count_if(pages_.begin(), pages_.end(), [&](const auto& entry) { return entry.second.tenant == tenant; }));
}

void PrefixIndexModel::compare() {
  if (!problem_.empty()) return;
  expect(index_.size() == pages_.size(), "size");
  expect(index_.evictions()[0] + index_.evictions()[1] + index_.evictions()[2] + index_.evictions()[4] == evicted_,
         "evictions");
  if (operation_ % 16 != 0) return;
  index_.check_invariants();
  const auto idle = std::count_if(pages_.begin(), pages_.end(), [&](const auto& e) { return !busy(e.first); });
  expect(index_.evictable() == static_cast<size_t>(idle), "evictable");
  for (TenantId tenant = 0; tenant < kTenants; ++tenant)
    expect(index_.tenant_pages(tenant) == tenant_pages(tenant), "tenant_pages");
  for (const auto& [node, page] : pages_)
    expect(index_.key(node) == page.key && index_.parent(node) == page.parent && index_.page(node) == page.page &&
               index_.tenant(node) == page.tenant && index_.references(node) == page.references &&
               std::ranges::equal(index_.tokens(node), page.tokens),
           "a node's contents");
}

}  // namespace pumice::test
