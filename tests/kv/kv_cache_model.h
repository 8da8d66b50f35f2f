// KvCache driven as the engine drives it, at random, on memory that is late: every step that runs looks at all keys
// that it would read, and they have to be those of its tokens.
//
// What a device would compute for a token is a word that depends on the tokens before it and on the group.
#pragma once

#include <deque>
#include <memory>
#include <new>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "kv/kv_cache.h"
#include "kv/queued_memory.h"

namespace pumice::test {

struct CacheModelOptions {
  uint64_t operations = 0;
  uint64_t seed = 1;
  KvCacheOptions cache;
  uint32_t window = 0;  // of layers whose pages are kept apart, beside others without; 0: there are none
  bool states = false;  // of layers that keep a word of the last token, beside others; not together with windows
  MemoryMistake mistake = MemoryMistake::kNone;
};

struct CacheModelCounts {
  uint64_t hits[kKvSources] = {};
  uint64_t steps = 0, forks = 0, saved = 0, restored = 0, slid = 0, failed = 0, lost_devices = 0;
};

class KvCacheModel {
 public:
  explicit KvCacheModel(const CacheModelOptions& options);
  ~KvCacheModel();
  // What went wrong first; "" when nothing did.
  std::string run();
  const CacheModelCounts& counts() const { return counts_; }

 private:
  struct Flight {
    uint64_t step = 0;
    uint32_t end = 0;  // tokens that are computed after it
  };
  struct Text {
    uint32_t slot = 0;
    PageList list;
    std::vector<int32_t> tokens;
    std::vector<uint64_t> words;  // of each token, as they should be
    uint32_t computed = 0, state_at = 0;
    std::vector<NodeId> pinned;
    // While a request runs:
    bool running = false, failed = false;
    uint32_t before = 0, scheduled = 0;  // before: tokens without its prompt
    std::deque<Flight> in_flight;
    PrefixFetch fetch;

    std::span<const int32_t> reusable() const {
      return std::span(tokens).first(tokens.empty() ? 0 : tokens.size() - 1);
    }
  };
  struct Session {
    TenantId tenant = 0;
    std::vector<int32_t> tokens;
    std::vector<uint64_t> words;
    uint32_t computed = 0;
    std::vector<std::vector<std::byte>> pages;
    std::vector<std::byte> beside;
  };

  // As the interface's guard calls: memory that runs out is an error.
  template <typename Call>
  static auto guarded(Call call) -> decltype(call()) {
    try {
      return call();
    } catch (const std::bad_alloc&) {
      return error(Status::kOutOfHostMemory, "an allocation of the test fails");
    }
  }

  void make_cache();
  void operate();
  void set_something();
  Result<std::vector<StateMark>> take_snapshots(Text& text, uint32_t first, uint32_t count);
  Text* open(TenantId tenant);
  Text* any(bool running);
  void start(Text& text, size_t count);
  void refuse(Text& text);
  void advance(Text& text);
  void collect(Text& text);
  void seal(Text& text, uint32_t computed);
  void maintain();
  bool reserve_all(Text& text);
  bool resume(Text& text, uint32_t tokens);
  void submit(Text& text);
  void finish(Text& text);
  void cut(Text& text);
  void fork(Text& text);
  void slide(Text& text);
  void save(Text& text);
  void restore(const Session& session);
  void close(Text& text);
  void lose_device();
  void check();
  void check_empty();

  void compute_words(Text& text, uint32_t from);
  void write_table(const Text& text);
  void run_step(std::vector<PageWords>& pages, uint32_t slot, uint32_t first, const std::vector<uint64_t>& words);
  static uint64_t& state_of(std::vector<PageWords>& pages, StateId place);
  void run_state(std::vector<PageWords>& pages, uint32_t slot, uint32_t first, const std::vector<uint64_t>& words,
                 const std::vector<StateMark>& marks);
  // Tokens [from, first) are seen and those behind written, by way of the places of `row`.
  void run_layer(std::vector<PageWords>& pages, const std::vector<PageId>& row, PageRange seen,
                 const std::vector<uint64_t>& words);
  void expect(bool holds, const char* what);
  bool allowed(const Error& error);
  uint64_t below(uint64_t limit) { return random_() % limit; }

  CacheModelOptions options_;
  std::mt19937_64 random_;
  std::unique_ptr<PageAllocator> pool_;
  std::unique_ptr<QueuedMemory> memory_;  // pages, then places of windows, then states
  std::unique_ptr<PageAllocator> places_;
  std::unique_ptr<LaterPages> place_memory_, state_memory_;
  std::unique_ptr<KvCache> cache_;
  std::vector<TenantId> groups_;
  std::deque<Text> texts_;
  std::vector<std::vector<PageId>> table_, window_table_;  // by slot; steps look at them when they run
  std::vector<uint64_t> shifts_;  // by slot: the last step that moved keys, and reads the table as it was then
  std::deque<Session> sessions_;
  CacheModelCounts counts_;
  uint64_t operation_ = 0;
  std::string problem_;
};

}  // namespace pumice::test
