// The part of KvCache between the pool and the tiers behind it.
#include <algorithm>
#include <chrono>
#include <thread>

#include "kv/kv_cache.h"
#include "shared/step_params.h"

namespace pumice {
namespace {

using Clock = std::chrono::steady_clock;

// What waiting for the tiers may cost a request beyond what arrived pages have saved it: a little, and a share of the
// time that the whole prompt would take.
constexpr double kWaitSeconds = 0.003, kWaitShare = 0.01;
// A loaded page counts for so much of the time that computing it would have taken, as averages err.
constexpr double kTrust = 0.8;
constexpr double kLongestFetch = 30;

double now_seconds() { return std::chrono::duration<double>(Clock::now().time_since_epoch()).count(); }

}  // namespace

void KvCache::begin_fetch(PageList& list, std::span<const int32_t> tokens, PrefixFetch& fetch) {
  const auto first = static_cast<uint32_t>(list.nodes.size());
  const auto pages = static_cast<uint32_t>(tokens.size() / kPageTokens);
  if (!store_ || !list.sealing || first >= pages) return;
  std::vector<WantedPage> wanted;
  for (uint32_t page = first; page < pages; ++page)
    wanted.push_back({.key = key(list, tokens, page),
                      .parent = page ? list.keys[page - 1] : list.root,
                      .tokens = tokens.subspan(size_t{page} * kPageTokens, kPageTokens)});
  const StoreOutlook outlook = store_->look(wanted);
  if (outlook.pages == 0) return;
  const double saved = outlook.pages * kPageTokens * seconds_per_token_;
  if (outlook.seconds > kTrust * saved) {
    ++stats_.fetches_not_worth;
    return;
  }
  wanted.resize(outlook.pages);
  fetch.first = first;
  fetch.pages = outlook.pages;
  fetch.seconds_per_page = kPageTokens * seconds_per_token_;
  fetch.allowance = kWaitSeconds + kWaitShare * static_cast<double>(tokens.size()) * seconds_per_token_;
  const double longest = std::min(kLongestFetch, saved + fetch.allowance);
  fetch.reading = store_->fetch(
      wanted, Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(longest)));
  ++stats_.fetches;
}

Result<bool> KvCache::advance_fetch(PageList& list, std::span<const int32_t> tokens, PrefixFetch& fetch) {
  if (!fetch.reading) return false;
  const double now = now_seconds();
  if (fetch.begun == 0) fetch.begun = now;
  for (;;) {
    if (!fetch.ready) fetch.ready = fetch.reading->take();
    if (!fetch.ready) break;
    const uint32_t at = fetch.first + fetch.ready->index;
    if (at == list.nodes.size()) {
      PUMICE_ASSIGN(const bool written, memory_.write(list.pages[at], fetch.ready->payload.span()));
      if (!written) return true;
      pool_.overwritten(list.pages[at]);
      if (!seal_page(list, tokens, true)) list.sealing = false;
      const auto source = static_cast<size_t>(fetch.ready->tier) + 1;  // KvSource begins with the device
      ++stats_.hit_pages[source];
      stats_.recompute_seconds_saved += fetch.seconds_per_page;
    }
    ++fetch.arrived;
    fetch.ready.reset();
    if (!list.sealing) break;
  }
  const double waited = now_seconds() - fetch.begun;
  const bool worth = waited < fetch.allowance + kTrust * fetch.arrived * fetch.seconds_per_page;
  const bool more = fetch.arrived < fetch.pages && !fetch.reading->finished() && list.sealing;
  if (more && worth) return true;
  if (more) ++stats_.fetches_given_up;
  stats_.seconds_fetching += waited;
  fetch = {};
  return false;
}

Result<void> KvCache::take_reads() {
  const double now = now_seconds();
  for (;;) {
    PUMICE_ASSIGN(std::optional<std::vector<std::byte>> bytes, memory_.take());
    if (!bytes) break;
    const NodeId node = reading_.front();
    reading_.pop_front();
    const std::span<const int32_t> tokens = index_->tokens(node);
    const NodeId parent = index_->parent(node);
    StoredPage page{.key = index_->key(node), .tokens = {tokens.begin(), tokens.end()}, .payload = std::move(*bytes)};
    // The first page of a text has its tenant's root for a parent, which is not in the index.
    page.parent = parent == kNoNode ? open(index_->tenant(node)).root : index_->key(parent);
    store_->store(std::move(page));
    index_->release(node, now);
  }
  return {};
}

bool KvCache::write_pending() {
  const auto waiting = [&] { return to_write_.size() + reading_.size(); };
  const size_t before = waiting();
  size_t left = 0;
  do {
    left = waiting();
    if (!maintain() || !take_reads()) break;
  } while (waiting() < left);
  return waiting() < before;
}

Result<void> KvCache::maintain() {
  free_retired();
  if (!store_) return {};
  PUMICE_TRY(take_reads());
  if (to_write_.empty()) return {};
  PUMICE_ASSIGN(const bool begun, memory_.read(index_->page(to_write_.front())));
  if (!begun) return {};
  reading_.push_back(to_write_.front());
  to_write_.pop_front();
  return {};
}

Result<std::vector<std::byte>> KvCache::read_page(PageId page) {
  while (!reading_.empty()) PUMICE_TRY(take_reads());
  for (;;) {
    PUMICE_ASSIGN(const bool begun, memory_.read(page));
    if (begun) break;
  }
  for (;;) {
    PUMICE_ASSIGN(std::optional<std::vector<std::byte>> bytes, memory_.take());
    if (bytes) return std::move(*bytes);
    PUMICE_TRY(memory_.wait());
  }
}

Result<void> KvCache::write_page(PageId page, std::span<const std::byte> bytes) {
  for (;;) {
    PUMICE_ASSIGN(const bool written, memory_.write(page, bytes));
    if (written) break;
    PUMICE_TRY(memory_.wait());
  }
  pool_.overwritten(page);
  return {};
}

Result<bool> KvCache::flush(double seconds) {
  const double end = now_seconds() + seconds;
  while (!to_write_.empty() || !reading_.empty()) {
    PUMICE_TRY(maintain());
    if (now_seconds() > end) return false;
    if (!reading_.empty()) std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  return !store_ || store_->flush(std::max(0.0, end - now_seconds()));
}

}  // namespace pumice
