// The part of KvCache between the pool and the tiers behind it.
#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/or_undo.h"
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
// A session waits for the steps that are in flight; a device that needs longer for them hangs.
constexpr double kLongestAccess = 60;

Error late() {
  return error(Status::kTimeout, "the device has not reached a page within %.0f seconds; it may hang", kLongestAccess);
}

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
  if (outlook.pages == 0 || (list.whole && outlook.pages < wanted.size())) return;
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

// The payload is a page, and behind it what the page had beside it: a snapshot, or its part in the layers with a
// window. false: there is no room now.
Result<bool> KvCache::write_fetched(PageList& list, uint32_t at, std::span<const std::byte> payload) {
  const uint64_t bytes = memory_.page_bytes();
  const std::span<const std::byte> beside = payload.subspan(std::min<uint64_t>(bytes, payload.size()));
  PUMICE_ASSIGN(const bool written, memory_.write(list.pages[at], payload.first(payload.size() - beside.size())));
  if (!written) return false;
  pool_.overwritten(list.pages[at]);
  if (states_ && beside.size() == states_->bytes()) return write_fetched_state(list, at, beside);
  if (windows_) return write_fetched_part(list, at, beside);
  return true;
}

bool KvCache::advance_fetch(PageList& list, std::span<const int32_t> tokens, PrefixFetch& fetch) {
  if (!fetch.reading) return false;
  const double now = now_seconds();
  if (fetch.begun == 0) fetch.begun = now;
  bool failed = false;
  for (;;) {
    if (!fetch.ready) fetch.ready = fetch.reading->take();
    if (!fetch.ready) break;
    const uint32_t at = fetch.first + fetch.ready->index;
    if (at == list.nodes.size()) {
      const Result<bool> written = write_fetched(list, at, fetch.ready->payload.span());
      failed = !written;
      if (failed) break;
      if (!*written) return true;
      if (seal_page(list, tokens, true) != Sealing::kDone) list.sealing = false;
      if (windows_) hold_fetched(list);
      const auto source = static_cast<size_t>(fetch.ready->tier) + 1;  // KvSource begins with the device
      if (list.sealing) index_->set_origin(list.nodes.back(), static_cast<uint32_t>(source));
      ++stats_.hit_pages[source];
      ++fetch.taken[source];
      stats_.recompute_seconds_saved += fetch.seconds_per_page;
    }
    ++fetch.arrived;
    fetch.ready.reset();
    if (!list.sealing) break;
  }
  const double waited = now_seconds() - fetch.begun;
  const bool worth = waited < fetch.allowance + kTrust * fetch.arrived * fetch.seconds_per_page;
  const bool more = fetch.arrived < fetch.pages && !fetch.reading->finished() && list.sealing && !failed;
  if (more && worth) return true;
  if (more || failed) ++stats_.fetches_given_up;
  stats_.seconds_fetching += waited;
  fetch = {.taken = fetch.taken};
  return false;
}

void KvCache::begin_spill() {
  const Waiting waiting = to_spill_.front();
  const NodeId node = waiting.node, parent = index_->parent(node);
  const std::span<const int32_t> tokens = index_->tokens(node);
  StoredPage page{.key = index_->key(node), .tokens = {tokens.begin(), tokens.end()}};
  page.parent = parent == kNoNode ? waiting.root : index_->key(parent);
  const auto read_both = [&]() -> Result<void> {
    const PageId id = index_->page(node);
    Spill spill{.page = std::move(page)};
    PUMICE_ASSIGN(spill.read, memory_.read(id));
    if (states_ && states_->has(id)) {
      PUMICE_ASSIGN(spill.beside, states_->memory().read(states_->of(id)));
    } else if (windows_ && windows_->has(id)) {
      PUMICE_ASSIGN(spill.beside, windows_->memory().read(windows_->of(id)));
    }
    spilling_.push_back(std::move(spill));
    return {};
  };
  if (const Result<void> read = read_both(); !read) spill_failed(read.error());
  to_spill_.pop_front();
  index_->release(node, now_seconds());
}

void KvCache::collect_spills() {
  for (auto spill = spilling_.begin(); spill != spilling_.end();) {
    Result<bool> ready = spill->read->ready();
    if (ready && *ready && spill->beside) ready = spill->beside->ready();
    if (ready && !*ready) {
      ++spill;
      continue;
    }
    Spill done = std::move(*spill);
    spill = spilling_.erase(spill);
    if (!ready) {
      spill_failed(ready.error());
      continue;
    }
    const std::span<const std::byte> bytes = done.read->bytes();
    done.page.payload.assign(bytes.begin(), bytes.end());
    if (done.beside) {
      const std::span<const std::byte> beside = done.beside->bytes();
      done.page.payload.insert(done.page.payload.end(), beside.begin(), beside.end());
    }
    store_->store(std::move(done.page));
  }
}

void KvCache::drop_spill() {
  index_->release(to_spill_.back().node, now_seconds());
  to_spill_.pop_back();
  ++stats_.dropped_spills;
}

void KvCache::spill_failed(const Error& error) {
  ++stats_.dropped_spills;
  if (failure_) return;
  failure_ = error;
  if (log_) log_->write(LogLevel::kWarning, "a page was not written to the cache's tiers: %s", error.message.c_str());
}

void KvCache::maintain() {
  collect_spills();
  if (!to_spill_.empty() && spilling_.size() < most_spills_) begin_spill();
}

Result<std::vector<std::byte>> KvCache::read_now(PageMemory& memory, PageId page) {
  PUMICE_ASSIGN(const std::unique_ptr<PageRead> read, memory.read(page));
  PUMICE_ASSIGN(const bool there, read->ready(kLongestAccess));
  if (!there) return late();
  return std::vector<std::byte>(read->bytes().begin(), read->bytes().end());
}

Result<void> KvCache::write_now(PageMemory& memory, PageId page, std::span<const std::byte> bytes) {
  PUMICE_ASSIGN(const bool written, memory.write(page, bytes, kLongestAccess));
  if (!written) return late();
  return {};
}

Result<std::vector<std::byte>> KvCache::read_page(PageId page) { return read_now(memory_, page); }

Result<void> KvCache::write_page(PageId page, std::span<const std::byte> bytes) {
  PUMICE_TRY(write_now(memory_, page, bytes));
  pool_.overwritten(page);
  return {};
}

Result<bool> KvCache::flush(double seconds) {
  const double end = now_seconds() + seconds;
  for (;;) {
    maintain();
    if (to_spill_.empty() && spilling_.empty()) break;
    if (now_seconds() > end) return false;
    if (!spilling_.empty()) std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  if (failure_) return *std::exchange(failure_, std::nullopt);
  return !store_ || store_->flush(std::max(0.0, end - now_seconds()));
}

}  // namespace pumice
