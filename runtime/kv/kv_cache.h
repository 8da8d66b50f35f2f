// KvCache: the keys and values of all sequences of one context: the page pool, the index of what is in it, and the
// tiers behind it.
//
// A sequence holds a PageList. Its leading pages may be shared: they are in the index, full, and never written again;
// those after them are its own. Pages are sealed into the index once they are full and computed, found again by
// content, given up by policy when the pool is full, and written to the tiers meanwhile. Thread rule: one thread at a
// time; the tiers have threads of their own.
#pragma once

#include <array>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "kv/index/prefix_index.h"
#include "kv/pages/page_allocator.h"
#include "kv/pages/page_memory.h"
#include "kv/policy/hit_curve.h"
#include "kv/state_store.h"
#include "kv/tiers/tiered_store.h"
#include "kv/window_store.h"

namespace pumice {

struct KvCacheOptions {
  bool reuse = false;  // texts are found again; otherwise pages are shared by fork() alone
  PolicyKind policy = PolicyKind::kAdaptive;
  double ttl_seconds = 0;  // of a text since its last use; 0: none
  uint64_t seed = 1;       // of random evictions
  // All that keys and values depend on beside the tokens: the model's digest, positions, types and layout of pages.
  std::string identity;
  std::optional<Secret> secret;  // none: a random one, which nothing outlives
  TieredStoreOptions store;      // its secret follows from the one above
  // Of models with recurrent layers, or of layers with a window where their pages are kept apart; not of both.
  std::optional<StateStoreOptions> states;
  std::optional<WindowStoreOptions> windows;
  double seconds_per_token = 1e-3;  // of computing a prompt, until it has been measured
  bool measures = true;             // false: seconds_per_token stays as it is
  const Log* log = nullptr;         // told of what fails and no caller waits for; outlives the cache
};

// Where keys and values of a prompt came from.
enum class KvSource : uint32_t { kDevice = 0, kRam = 1, kDisk = 2, kRedis = 3 };
constexpr size_t kKvSources = 4;

struct KvCacheStats {
  uint64_t lookups = 0, looked_up_pages = 0;
  uint64_t hit_pages[kKvSources] = {};  // by source
  uint64_t fetches = 0, fetches_given_up = 0, fetches_not_worth = 0;
  double seconds_fetching = 0;  // requests waited for pages from the tiers
  double recompute_seconds_saved = 0;
  uint64_t sealed_pages = 0, shared_duplicates = 0, copied_pages = 0, scrubbed_pages = 0;
  uint64_t dropped_spills = 0;  // pages that were evicted before they could be spilled, or whose spill failed
};

// The state after that many tokens goes to a place of the state store.
struct StateMark {
  uint32_t tokens = 0;
  StateId place = 0;
};

struct PageRange {
  uint32_t from = 0, to = 0;
};

// Rows of a picture in a text. Tokens say too little of them: a page's key covers which rows of which picture it has.
struct PagePicture {
  uint32_t first = 0, count = 0;  // positions
  PageKey identity;
};

// The pages of one sequence.
struct PageList {
  struct PendingState {  // a snapshot of a page that is not shared yet
    uint32_t tokens = 0;
    StateId place = 0;
    bool rolling = false;  // replaces the one before it
  };
  TenantId tenant = 0;
  PageKey root;               // of its chain of keys
  std::vector<PageId> pages;  // by position
  std::vector<NodeId> nodes;  // of the leading pages that are in the index; a reference each
  std::vector<PageKey> keys;  // of leading full pages, as far as they were asked for
  bool sealing = true;        // false: its further pages are never shared
  bool whole = false;         // its pages are of use only where all of them are found
  PageRange window;           // pages whose parts in the layers with a window are pinned for it
  std::vector<PendingState> pending;
  uint64_t rolling = 0;               // the last rolling snapshot that a page got
  std::vector<PagePicture> pictures;  // by position
  uint32_t branch = 0;                // tokens that another text has, too, and whose state would have been of use
};

// Pages of a prompt that are on their way from the tiers. `waited` counts against what waiting may cost.
struct PrefixFetch {
  std::unique_ptr<PageFetch> reading;
  std::optional<PageFetch::Page> ready;  // could not be written yet
  uint32_t first = 0, pages = 0, arrived = 0;
  double begun = 0;  // when the request began to wait; 0: not yet
  double seconds_per_page = 0, allowance = 0;
  std::array<uint32_t, kKvSources> taken{};  // pages that came from each; it stays when the fetch is over
};

class KvCache {
 public:
  // Allocator and memory outlive it.
  static Result<std::unique_ptr<KvCache>> create(PageAllocator& pool, PageMemory& memory,
                                                 const KvCacheOptions& options);
  ~KvCache();  // spills what is waiting, for at most a second

  // Texts of different groups never meet, and a page is scrubbed between them.
  TenantId tenant(std::string_view group);
  // variant: what keys and values of this list depend on beside KvCacheOptions::identity; lists of different ones share
  // nothing.
  PageList open(TenantId tenant, std::string_view variant = {});

  // The pages of a list become those of `tokens` tokens: more are taken, all or none (false: too few can be had) …
  bool reserve(PageList& list, uint32_t tokens);
  // … or those beyond are given back.
  void shrink(PageList& list, uint32_t tokens);

  // Takes over pages that are in the pool already, from the list's shared pages on, where the list has none of its own
  // there or has not written them yet; nothing in flight uses the list. Only pages that `tokens` fills count. first:
  // this is a new request. Returns the tokens that the shared pages hold now.
  uint32_t match(PageList& list, std::span<const int32_t> tokens, bool first);
  static uint32_t shared_tokens(const PageList& list);  // that the list's shared pages hold
  // After the list was cut to `computed` tokens, in the middle of a shared page: takes over the page that has `tokens`
  // there, or makes the page the list's own. false: no page is free.
  Result<bool> settle(PageList& list, std::span<const int32_t> tokens, uint32_t computed);
  // Whether the page after the shared ones is the same text in both lists.
  bool next_page_is_same(PageList& list, PageList& other, std::span<const int32_t> tokens);
  // Full pages among the first `computed` tokens become shared, some of them maybe at the next call only. Nothing that
  // is in flight may write them.
  void seal(PageList& list, std::span<const int32_t> tokens, uint32_t computed);
  // A list with the same first `tokens` tokens. Full pages are shared, a partial one is copied. kContextFull: no page.
  Result<PageList> fork(PageList& list, std::span<const int32_t> tokens, uint32_t count);

  // Takes pages [first, first + count) out of a list that nothing in flight uses. Those behind them are its own then,
  // so that their keys can be moved, and no further page of it is shared. false: no page is free for a copy; the list
  // has all it had.
  Result<bool> drop(PageList& list, uint32_t first, uint32_t count);

  // Begins to read from the tiers what follows the shared pages of a prompt, where that is worth while.
  void begin_fetch(PageList& list, std::span<const int32_t> tokens, PrefixFetch& fetch);
  // Takes what has arrived into the list's own pages and seals it. true: waiting for more is still worth while. The
  // list has pages for all of `tokens`, and none of those after the shared ones has been written; nothing in flight
  // uses it. What fails is a miss.
  bool advance_fetch(PageList& list, std::span<const int32_t> tokens, PrefixFetch& fetch);

  // Of models with recurrent layers: shared pages end with one that has a snapshot wherever they are found, as a state
  // cannot be cut back. `slot`: the sequence's own state.
  bool keeps_states() const { return states_ != nullptr; }
  // Of a list that has `computed` tokens and whose state is that after `state_at`: brings the state to where computing
  // goes on, and gives up the pages behind. Returns the tokens before that.
  Result<uint32_t> resume(PageList& list, uint32_t slot, uint32_t computed, uint32_t state_at);
  // Which states a step that computes tokens [first, first + count) of a text of `total` has to leave; at most 2.
  std::vector<StateMark> plan_snapshots(PageList& list, uint32_t first, uint32_t count, uint32_t total);
  // The state as it is after all steps that were submitted, where a page ends there.
  Result<void> snapshot(PageList& list, uint32_t slot, uint32_t tokens);
  // As copies of pages.
  Result<void> copy_state(StateId from, StateId to);
  Result<std::vector<std::byte>> read_state(StateId place);

  // Of layers with a window whose pages are kept apart (window_store.h); of other models they do nothing. Computing
  // goes on after the first `tokens` tokens of a list, or, where what the window covers is gone, after fewer, and the
  // list loses the pages behind. What the window covers stays until the next call. Returns the tokens.
  uint32_t hold_window(PageList& list, uint32_t tokens);
  // Before a step that computes tokens [first, first + count): its pages get their parts, those that its window does
  // not cover any more may go. Returns whether the list's window has changed.
  Result<bool> move_window(PageList& list, uint32_t first, uint32_t count);
  // Whether the position after so many tokens sees nothing before that page.
  bool window_is_behind(uint32_t tokens, uint32_t page) const {
    return !windows_ || windows_->first_page(tokens) >= page;
  }
  WindowId window_place(PageId page) const { return windows_->of(page); }  // of a page of a list's window

  // What a sequence of `computed` tokens has beside its pages: its state, or the parts of the pages in its window.
  // Empty where there is nothing. `computed` becomes lower where it is to be had after fewer tokens.
  Result<std::vector<std::byte>> read_beside(const PageList& list, uint32_t slot, uint32_t state_at,
                                             uint32_t& computed);
  Result<void> write_beside(PageList& list, uint32_t slot, uint32_t computed, std::span<const std::byte> bytes);
  uint64_t bytes_beside(uint32_t computed) const;

  // Before each submission of steps: no page may leak to another tenant.
  Result<void> scrub();
  // Does a little of what waits to be spilled, without waiting. A page whose spill fails is one that is not spilled.
  void maintain();
  // Waits until everything sealed is written to the tiers; false: not within the time. An error: of a spill since the
  // last call.
  Result<bool> flush(double seconds);
  // Forgets everything that no sequence holds, in the pool (and `tiers`). kTimeout: as TieredStore::clear().
  Result<void> clear(bool tiers);

  // A page's bytes from the pool and to it, for sessions. They wait for what is in flight; kTimeout: a minute.
  Result<std::vector<std::byte>> read_page(PageId page);
  Result<void> write_page(PageId page, std::span<const std::byte> bytes);

  // Whether nothing waits to be written to the tiers.
  bool spilled() const { return to_spill_.empty() && spilling_.empty(); }
  // Takes over what does not lie in the pool: tenants, tiers, settings and counts. Nobody uses `from` any more.
  void adopt(KvCache& from);

  void computed_prompt(uint32_t tokens, double seconds);  // for the estimate of what a hit saves
  void set_policy(PolicyKind policy) { index_->set_policy(policy); }
  void set_ttl(double seconds) { index_->set_ttl(seconds); }
  void set_quota(TenantId tenant, uint32_t pages);
  // Most pages in use; gives up cached ones down to it. Pages that sequences hold stay.
  void set_limit(uint32_t pages);
  // A list's shared pages stay in the pool until they are unpinned, whatever becomes of the list.
  std::vector<NodeId> pin(const PageList& list);
  void unpin(std::span<const NodeId> nodes);

  const PageAllocator& pool() const { return pool_; }
  uint64_t page_bytes() const { return memory_.page_bytes(); }
  const PrefixIndex& index() const { return *index_; }
  const HitCurve& curve() const { return *curve_; }
  uint32_t limit() const { return limit_; }
  const KvCacheStats& stats() const { return stats_; }
  std::optional<StoreStats> store_stats() const;
  double seconds_per_token() const { return seconds_per_token_; }
  uint32_t held() const { return pool_.used() - index_->evictable(); }

 private:
  struct Spill {  // on its way from the pool to the tiers; the page itself may be another's by now
    StoredPage page;
    std::unique_ptr<PageRead> read, beside;  // beside: its state or part in layers with a window; null: it has none
  };
  enum class Sealing { kDone, kLater, kNever };
  KvCache(PageAllocator& pool, PageMemory& memory) : pool_(pool), memory_(memory) {}
  std::optional<PageId> take_page(TenantId tenant);
  bool make_room();                       // a page becomes free, or false
  Result<bool> make_own(PageList& list);  // the last shared page
  void release_last(PageList& list);      // its last shared page, which stays in the list of pages
  void free_page(const std::optional<EvictedPage>& evicted);
  void evict_unheld();  // without reuse: nobody will ask for what nobody holds
  void ask_curve(PageList& list, uint32_t pages);
  PageKey with_pictures(const PageList& list, uint32_t page, const PageKey& key) const;
  const PageKey& key(PageList& list, std::span<const int32_t> tokens, uint32_t page);
  std::vector<Block> chain(PageList& list, std::span<const int32_t> tokens, uint32_t first);
  Sealing seal_page(PageList& list, std::span<const int32_t> tokens, bool fetched);
  Result<void> fork_into(PageList& copy, const PageList& list, uint32_t count);
  // Of nodes that follow the list's first `pages`, leaves out those behind the last one that can be gone on from.
  void keep_resumable(PageList& list, uint32_t pages, std::vector<NodeId>& nodes);
  void leave_out(std::vector<NodeId>& nodes, size_t from);
  void pin_window(PageList& list, PageRange range);  // instead of what it has pinned
  void cut_window(PageList& list, uint32_t pages);   // only of its first pages
  void hold_fetched(PageList& list);                 // the window of its shared pages
  // That page becomes the list's there. whole: what the list had is computed, so its part may become the page's.
  void hand_window(PageList& list, uint32_t at, PageId page, bool whole);
  Result<std::vector<std::byte>> read_snapshot(const PageList& list, uint32_t& computed);
  Result<std::vector<std::byte>> read_window(const PageList& list, uint32_t& computed);
  Result<void> write_window(PageList& list, uint32_t computed, std::span<const std::byte> bytes);
  Result<bool> write_fetched_state(PageList& list, uint32_t at, std::span<const std::byte> bytes);
  Result<bool> write_fetched_part(PageList& list, uint32_t at, std::span<const std::byte> bytes);
  Result<bool> copy_page(PageId from, PageId to, TenantId tenant);
  Result<void> scrub(PageAllocator& pool, PageMemory& memory);
  void add_mark(PageList& list, uint32_t tokens, bool rolling, std::vector<StateMark>& marks);
  void keep_state(PageList& list, uint32_t page);      // that is shared now
  void drop_pending(PageList& list, uint32_t tokens);  // snapshots after more tokens; all of a list that shares nothing
  void release_page(PageId page);                      // with its snapshot and its part in layers with a window
  static Result<std::vector<std::byte>> read_now(PageMemory& memory, PageId page);
  static Result<void> write_now(PageMemory& memory, PageId page, std::span<const std::byte> bytes);
  Result<bool> write_fetched(PageList& list, uint32_t at, std::span<const std::byte> payload);
  static void reserve_places(PageList& list, size_t pages);  // so that no reference or page is lost for want of memory
  // The list's next page becomes that of `node`, whose reference it takes. whole: as of hand_window().
  void share(PageList& list, NodeId node, bool whole = false);
  void begin_spill();     // of the page that has waited longest
  void collect_spills();  // hands those that have been read to the tiers
  void drop_spill();      // of the page that has waited shortest
  void spill_failed(const Error& error);

  PageAllocator& pool_;
  PageMemory& memory_;
  bool reuse_ = false;
  Secret secret_{};
  std::string identity_;
  std::optional<PrefixIndex> index_;
  std::optional<HitCurve> curve_;
  TieredStore::Owned store_;
  std::unique_ptr<StateStore> states_;    // null: the model has none
  std::unique_ptr<WindowStore> windows_;  // likewise
  std::map<std::string, TenantId, std::less<>> tenants_;
  std::vector<std::string> groups_;  // by tenant
  uint64_t salts_ = 0;
  uint32_t limit_ = 0, asked_limit_ = UINT32_MAX;
  std::map<TenantId, uint32_t> quotas_;
  struct Waiting {
    NodeId node;  // with a reference
    PageKey root;
  };
  std::deque<Waiting> to_spill_;
  std::list<Spill> spilling_;
  size_t most_spills_ = 0;
  std::optional<Error> failure_;  // of a spill since the last flush()
  const Log* log_ = nullptr;
  double seconds_per_token_ = 0;
  bool measures_ = true, measured_ = false;
  KvCacheStats stats_;
};

}  // namespace pumice
