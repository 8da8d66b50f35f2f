#include "engine/page_view.h"

#include <algorithm>
#include <unordered_map>

#include "base/clock.h"

namespace pumice {

std::span<const PageId> filled_pages(const Sequence& sequence) {
  const std::vector<PageId>& pages = sequence.kv.pages;
  return {pages.data(), std::min<size_t>(pages.size(), divide_up(sequence.computed, kPageTokens))};
}

std::vector<PageView> view_pages(Context& context, std::string_view group) {
  const TenantId tenant = context.cache().tenant(group);
  std::vector<PageView> views;
  std::unordered_map<NodeId, size_t> places;
  const double now = now_seconds();
  for (const IndexedPage& page : context.cache().index().pages_of(tenant)) {
    places[page.node] = views.size();
    views.push_back({.page = page.page,
                     .position = page.depth * kPageTokens,
                     .shared = true,
                     .pinned = page.pins > 0,
                     .uses = page.uses,
                     .origin = static_cast<KvSource>(page.origin),
                     .idle_seconds = std::max(0.0, now - page.used)});
  }
  for (const std::unique_ptr<Sequence>& sequence : context.sequences()) {
    if (!sequence || sequence->kv.tenant != tenant) continue;
    for (const NodeId node : sequence->kv.nodes) ++views[places.at(node)].sequences;
    const std::span<const PageId> filled = filled_pages(*sequence);
    for (size_t i = sequence->kv.nodes.size(); i < filled.size(); ++i)
      views.push_back({.page = filled[i], .position = static_cast<uint32_t>(i) * kPageTokens, .sequences = 1});
  }
  return views;
}

}  // namespace pumice
