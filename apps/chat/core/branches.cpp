#include "chat/core/branches.h"

#include <algorithm>
#include <utility>

namespace pumice_chat {

namespace {

// A shorter one is found again by its content as cheaply.
constexpr std::size_t kWorthAFork = 32;

std::size_t common_tokens(const std::vector<std::int32_t>& a, const std::vector<std::int32_t>& b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

}  // namespace

Branches::Branch* Branches::best(const std::vector<std::int32_t>& ids, std::size_t* common) {
  Branch* best = nullptr;
  *common = 0;
  for (Branch& branch : branches_) {
    const std::size_t has = common_tokens(branch.ids, ids);
    if (branch.running || has == 0 || has < *common) continue;
    // Of equals the one that need not be copied.
    if (has == *common && best && best->ids.size() <= branch.ids.size()) continue;
    best = &branch;
    *common = has;
  }
  return best;
}

std::size_t Branches::held(const std::vector<std::int32_t>& ids) const {
  std::size_t common = 0;
  const_cast<Branches*>(this)->best(ids, &common);
  return std::min(common, ids.empty() ? 0 : ids.size() - 1);
}

Branches::Branch& Branches::take(const pumice::Context& context, Id chat, const std::vector<std::int32_t>& ids,
                                 std::size_t* held) {
  Branch* found = best(ids, held);
  *held = std::min(*held, ids.empty() ? 0 : ids.size() - 1);
  if (found) *held = std::min<std::size_t>(*held, found->sequence.info().tokens);
  const bool whole = found && found->chat == chat && found->ids.size() == *held;
  if (!whole) {
    const auto tokens = static_cast<std::uint32_t>(*held);
    std::vector<std::int32_t> has(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(*held));
    if (found && *held >= kWorthAFork) {
      found->used = ++clock_;
      branches_.push_back({.sequence = found->sequence.fork(tokens), .ids = std::move(has), .chat = chat});
    } else {
      *held = 0;
      branches_.push_back({.sequence = pumice::Sequence(context), .chat = chat});
    }
    found = &branches_.back();
  }
  found->running = true;
  found->used = ++clock_;
  make_room();
  return *found;
}

void Branches::give_back(Branch& branch, std::vector<std::int32_t> ids) {
  branch.running = false;
  branch.ids = std::move(ids);
  if (branch.ids.empty()) branches_.remove_if([&](const Branch& one) { return &one == &branch; });
}

void Branches::forget(Id chat) {
  branches_.remove_if([&](const Branch& branch) { return branch.chat == chat && !branch.running; });
}

// The one that was unused for the longest time goes first; its pages stay in the cache as long as there is room.
void Branches::make_room() {
  while (branches_.size() > most_) {
    auto oldest = branches_.end();
    for (auto at = branches_.begin(); at != branches_.end(); ++at)
      if (!at->running && (oldest == branches_.end() || at->used < oldest->used)) oldest = at;
    if (oldest == branches_.end()) return;
    branches_.erase(oldest);
  }
}

}  // namespace pumice_chat
